import assert from 'node:assert/strict';
import { join } from 'node:path';
import { systemClock, type Clock } from '../../../runtime/scheduling/clock';
import { app, containerOf, errorOf, Harness, valueOf } from './harness';

describe('warm containers', function () {
  this.timeout(90_000);
  let harness: Harness;
  beforeEach(async () => {
    harness = await Harness.open();
  });
  afterEach(() => harness.close());

  it('take changed code without starting again, skipping what has not changed', async () => {
    const version = (n: number) => app(`@app.function()\ndef f():\n    return ${n}`);
    const first = await harness.run(await harness.bundle(version(1)), { qualname: 'f' });
    await first.ended;
    const second = await harness.run(await harness.bundle(version(2)), { qualname: 'f' });
    await second.ended;
    assert.deepEqual([valueOf(first), valueOf(second)], [1, 2]);
    assert.equal(containerOf(second).container, containerOf(first).container);
    assert.equal(containerOf(second).warm, true);
    const ends = second.events
      .filter((event) => event.type === 'phase')
      .filter((event) => event.status === 'done' || event.status === 'skipped')
      .map((event) => `${event.phase} ${event.status}`);
    assert.deepEqual(ends, [
      'queued done',
      'provisioning skipped',
      'image skipped',
      'container skipped',
      'imports done',
      'model-load skipped',
      'running done',
    ]);
  });

  it('keep what a module holds between calls of the same code', async () => {
    const bundle = await harness.bundle(
      app('n = 0\n@app.function()\ndef f():\n    global n\n    n += 1\n    return n'),
    );
    for (const expected of [1, 2, 3]) {
      const run = await harness.run(bundle, { qualname: 'f' });
      await run.ended;
      assert.equal(valueOf(run), expected);
    }
  });

  it('end after their idle time and not before, and are told in the list', async () => {
    // The idle time is over when the test says so, however long the machine takes for the rest.
    const idleTimes = new Set<() => void>();
    const clock: Clock = {
      ...systemClock,
      timer: (ms, callback) => {
        if (ms < 700_000 || ms > 777_000) return systemClock.timer(ms, callback);
        idleTimes.add(callback);
        return () => idleTimes.delete(callback);
      },
    };
    await harness.close();
    harness = await Harness.open({ clock });
    const bundle = await harness.bundle(
      app('@app.function(scaledown_window=777)\ndef f():\n    return 1'),
    );
    const run = await harness.run(bundle, { qualname: 'f' });
    await run.ended;
    const again = await harness.run(bundle, { qualname: 'f' });
    await again.ended;
    assert.equal(containerOf(again).container, containerOf(run).container);
    await harness.containersUntil((all) => all[0]?.state === 'idle' && all[0].idleUntil !== null);
    assert.equal(idleTimes.size, 1);
    for (const over of idleTimes) over();
    await harness.containersUntil((all) => all.length === 0);
  });

  it('stay where the function wants some to stay', async () => {
    const bundle = await harness.bundle(
      app('@app.function(min_containers=1, scaledown_window=0)\ndef f():\n    return 1'),
    );
    const run = await harness.run(bundle, { qualname: 'f' });
    await run.ended;
    const [container] = harness.service.containers();
    assert.deepEqual([container?.state, container?.idleUntil], ['idle', null]);
  });

  it('run two calls at once when there are two, and one after the other when one is allowed', async () => {
    // Each call notes that it has begun and that it is about to end. With two allowed, it waits for the other.
    const body = (most: number) =>
      app(
        [
          'import os, time',
          `ROOM = ${JSON.stringify(join(harness.home, `room-${most}`))}`,
          `@app.function(max_containers=${most})`,
          'def f(own, other):',
          '    os.makedirs(ROOM, exist_ok=True)',
          '    open(os.path.join(ROOM, own), "w").close()',
          `    while ${most} == 2 and not os.path.exists(os.path.join(ROOM, other)):`,
          '        time.sleep(0.01)',
          '    others = [name for name in os.listdir(ROOM) if name not in (own, other + " over")]',
          '    open(os.path.join(ROOM, own + " over"), "w").close()',
          '    return len([name for name in others if name + " over" not in os.listdir(ROOM)])',
        ].join('\n'),
      );
    for (const most of [1, 2]) {
      const bundle = await harness.bundle(body(most));
      const runs = await Promise.all([
        harness.run(bundle, { qualname: 'f' }, ['a', 'b']),
        harness.run(bundle, { qualname: 'f' }, ['b', 'a']),
      ]);
      await Promise.all(runs.map((run) => run.ended));
      const used = new Set(runs.map((run) => containerOf(run).container));
      assert.equal(used.size, most);
      if (most === 1) assert.deepEqual(runs.map(valueOf), [0, 0]);
    }
  });

  it('see the variables of their function and its secrets, and none of the runtime', async () => {
    process.env['VELAR_TEST_SECRET_OF_RUNTIME'] = 'hidden';
    const bundle = await harness.bundle(
      app(
        'import os\nsecret = velar.Secret.from_dict({"KEY": "s3cret"})\nimage = velar.Image.debian_slim().env(FROM_IMAGE="i")\n@app.function(env={"MODE": "m"}, secrets=[secret], image=image)\ndef f():\n    return [os.environ.get(k) for k in ("MODE", "KEY", "FROM_IMAGE", "VELAR_TEST_SECRET_OF_RUNTIME", "VELAR_TOKEN")]',
      ),
    );
    const run = await harness.run(bundle, { qualname: 'f' });
    await run.ended;
    delete process.env['VELAR_TEST_SECRET_OF_RUNTIME'];
    assert.deepEqual(valueOf(run), ['m', 's3cret', 'i', null, null]);
    assert.ok(
      !JSON.stringify(run.events.filter((event) => event.type !== 'result')).includes('s3cret'),
    );
  });

  it('say which secret this runtime lacks', async () => {
    const bundle = await harness.bundle(
      app('@app.function(secrets=[velar.Secret.from_name("hf")])\ndef f():\n    pass'),
    );
    const run = await harness.run(bundle, { qualname: 'f' });
    await run.ended;
    assert.match(errorOf(run).message, /no secret named hf/);
  });

  it('stream the items of a generator as they are made', async () => {
    const bundle = await harness.bundle(
      app('@app.function()\ndef f():\n    for i in range(3):\n        yield i'),
    );
    const run = await harness.run(bundle, { qualname: 'f' });
    await run.ended;
    const items = run.events
      .filter((event) => event.type === 'yield')
      .map((event) => ('value' in event.item ? event.item.value : undefined));
    assert.deepEqual(items, [0, 1, 2]);
    assert.equal(valueOf(run), null);
  });

  it('load the object of a class once, and count that as model loading', async () => {
    const bundle = await harness.bundle(
      app(
        'import time\n@app.cls()\nclass Model:\n    @velar.enter()\n    def load(self):\n        time.sleep(0.3)\n        self.n = 0\n    @velar.method()\n    def f(self):\n        self.n += 1\n        return self.n',
      ),
    );
    const first = await harness.run(bundle, { qualname: 'Model.f', kind: 'method' });
    await first.ended;
    const load = first.events.find(
      (event) => event.type === 'phase' && event.phase === 'model-load' && event.status === 'done',
    );
    assert.ok(load?.type === 'phase' && (load.ms ?? 0) >= 290, JSON.stringify(first.events));
    const second = await harness.run(bundle, { qualname: 'Model.f', kind: 'method' });
    await second.ended;
    assert.deepEqual([valueOf(first), valueOf(second)], [1, 2]);
  });

  it('are found again by a second watcher, with every event and line of the run', async () => {
    const bundle = await harness.bundle(
      app('@app.function()\ndef f():\n    print("a")\n    print("b")\n    return 1'),
    );
    const run = await harness.run(bundle, { qualname: 'f' });
    await run.ended;
    const late = harness.watch(run.id);
    assert.deepEqual(late.events, run.events);
    const texts = (await late.lines()).map((line) => line.text);
    assert.deepEqual(texts, ['a', 'b']);
    const [summary] = harness.service.list(10);
    assert.deepEqual([summary?.run, summary?.status, summary?.lines], [run.id, 'succeeded', 2]);
  });

  it('are not started for an image that fails to build; the error is at the line of the image', async () => {
    const bundle = await harness.bundle(
      app(
        'image = velar.Image.debian_slim().pip_install("./no-such-folder")\n@app.function(image=image)\ndef f():\n    pass',
      ),
    );
    const run = await harness.run(bundle, { qualname: 'f' });
    await run.ended;
    const error = errorOf(run);
    assert.equal(error.kind, 'image');
    assert.deepEqual(
      error.traceback.map(({ file, line }) => [file, line]),
      [['app.py', 4]],
    );
    assert.ok((await run.lines()).some((line) => line.text.includes('no-such-folder')));
    assert.deepEqual(harness.service.containers(), []);
  });
});
