import assert from 'node:assert/strict';
import { join } from 'node:path';
import { app, errorOf, Harness, valueOf } from './harness';

describe('calls between functions', function () {
  this.timeout(120_000);
  let harness: Harness;
  before(async () => {
    harness = await Harness.open();
  });
  after(() => harness.close());

  it('call, map, generate and spawn from within a function', async () => {
    const bundle = await harness.bundle(
      app(
        [
          '@app.function()',
          'def double(x):',
          '    print("doubling", x)',
          '    return 2 * x',
          '@app.function()',
          'def count(n):',
          '    yield from range(n)',
          '@app.function()',
          'def f():',
          '    spawned = double.spawn(21)',
          '    return [double.remote(4), list(double.map(range(5))), list(count.remote_gen(3)), spawned.get()]',
        ].join('\n'),
      ),
    );
    const run = await harness.run(bundle, { qualname: 'f' });
    await run.ended;
    assert.deepEqual(valueOf(run), [8, [0, 2, 4, 6, 8], [0, 1, 2], 42], JSON.stringify(run.events));
    const counted = run.events.filter((event) => event.type === 'calls').at(-1);
    assert.deepEqual(
      counted?.type === 'calls' && [counted.done, counted.failed, counted.total],
      [8, 0, 8],
    );
    // What nested calls print is part of the run's log.
    assert.equal((await run.lines()).filter((line) => line.text.startsWith('doubling')).length, 7);
  });

  it('nest deeper than there are places without waiting for each other for ever', async () => {
    const bundle = await harness.bundle(
      app(
        '@app.function(max_containers=1)\ndef f(n):\n    return 1 if n == 0 else 1 + f.remote(n - 1)',
      ),
    );
    const run = await harness.run(bundle, { qualname: 'f' }, [6]);
    await run.ended;
    assert.equal(valueOf(run), 7, JSON.stringify(run.events.at(-2)));
  });

  it('give each input of a map its result exactly once, though a worker is killed in the middle', async () => {
    const bundle = await harness.bundle(
      app(
        [
          'import os, signal, time',
          `MARK = ${JSON.stringify(join(harness.home, 'killed'))}`,
          '@app.function()',
          'def slow(x):',
          '    time.sleep(0.002)',
          '    if x == 150 and not os.path.exists(MARK):',
          '        open(MARK, "w").close()',
          '        os.kill(os.getppid(), signal.SIGKILL)',
          '        time.sleep(60)',
          '    return x',
          '@app.function()',
          'def f(n):',
          '    return sorted(slow.map(range(n), order_outputs=False))',
        ].join('\n'),
      ),
    );
    const run = await harness.run(bundle, { qualname: 'f' }, [400]);
    await run.ended;
    const expected = Array.from({ length: 400 }, (_, index) => index);
    assert.deepEqual(valueOf(run), expected);
  });

  it('raise in the caller what was raised in the callee', async () => {
    const bundle = await harness.bundle(
      app(
        [
          '@app.function()',
          'def g(x):',
          '    raise KeyError(x)',
          '@app.function()',
          'def f():',
          '    try:',
          '        g.remote("a")',
          '    except KeyError as error:',
          '        return "caught"',
        ].join('\n'),
      ),
    );
    const run = await harness.run(bundle, { qualname: 'f' });
    await run.ended;
    assert.equal(valueOf(run), 'caught', JSON.stringify(run.events));
  });

  it('spread long calls over containers', async () => {
    // Each call lasts until two containers are at work, however long the second one takes to come up.
    const bundle = await harness.bundle(
      app(
        [
          'import os, time',
          `SEEN = ${JSON.stringify(join(harness.home, 'seen'))}`,
          'os.makedirs(SEEN, exist_ok=True)',
          '@app.function(max_containers=2)',
          'def slow(x):',
          '    open(os.path.join(SEEN, str(os.getppid())), "w").close()',
          '    while len(os.listdir(SEEN)) < 2:',
          '        time.sleep(0.01)',
          '    return os.getppid()',
          '@app.function()',
          'def f():',
          '    return len(set(slow.map(range(8))))',
        ].join('\n'),
      ),
    );
    const run = await harness.run(bundle, { qualname: 'f' });
    await run.ended;
    assert.equal(valueOf(run), 2);
  });

  it('are cancelled with the run', async () => {
    const bundle = await harness.bundle(
      app(
        [
          'import time',
          '@app.function()',
          'def slow(x):',
          '    print("slow", flush=True)',
          '    time.sleep(600)',
          '@app.function()',
          'def f():',
          '    slow.remote(1)',
        ].join('\n'),
      ),
    );
    const run = await harness.run(bundle, { qualname: 'f' });
    while ((await run.lines()).length === 0) await new Promise((resolve) => setImmediate(resolve));
    harness.service.cancel(run.id);
    await run.ended;
    assert.equal(errorOf(run).kind, 'cancelled');
    await new Promise<void>((resolve) => {
      const check = (): void => {
        if (harness.service.containers().every((container) => container.state === 'idle'))
          resolve();
      };
      harness.service.onContainers(check);
      check();
    });
  });
});

describe('printed output', function () {
  this.timeout(120_000);
  let harness: Harness;
  before(async () => {
    harness = await Harness.open();
  });
  after(() => harness.close());

  it('is complete: 100,000 lines, in order, none lost', async () => {
    const bundle = await harness.bundle(
      app('@app.function()\ndef f(n):\n    for i in range(n):\n        print(i)\n    return n'),
    );
    const run = await harness.run(bundle, { qualname: 'f' }, [100_000]);
    const { lines } = await run.ended;
    assert.equal(lines, 100_000);
    const texts = (await run.lines()).map((line) => line.text);
    assert.equal(texts.length, 100_000);
    assert.ok(texts.every((text, index) => text === String(index)));
  });

  it('of a function that never stops printing does not keep it from being cancelled', async () => {
    const bundle = await harness.bundle(
      app('@app.function()\ndef f():\n    while True:\n        print("again and again")'),
    );
    const run = await harness.run(bundle, { qualname: 'f' });
    while ((await run.lines()).length < 50_000) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    harness.service.cancel(run.id);
    const { lines } = await run.ended;
    assert.equal((await run.lines()).length, lines);
    assert.equal(errorOf(run).kind, 'cancelled');
  });
});
