import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SharedTime } from '../../../runtime/scheduling/sharedTime';
import { app, containerOf, errorOf, Harness, valueOf, type WatchedRun } from './harness';

describe('calls at once in one container', function () {
  this.timeout(120_000);
  let harness: Harness;
  beforeEach(async () => {
    harness = await Harness.open();
  });
  afterEach(() => harness.close());

  const bundleOf = (options: string, body: string): Promise<string> =>
    harness.bundle(
      app(
        [
          'import os, threading, time',
          `FOLDER = ${JSON.stringify(harness.home)}`,
          'def there(name):',
          '    return os.path.exists(os.path.join(FOLDER, name))',
          'here = threading.Barrier(4, timeout=60)',
          `@app.function(${options})`,
          'def f(n):',
          ...body.split('\n').map((line) => `    ${line}`),
        ].join('\n'),
      ),
    );
  const make = (name: string): Promise<void> => writeFile(join(harness.home, name), '');
  const start = (bundle: string, count: number): Promise<WatchedRun[]> =>
    Promise.all(
      Array.from({ length: count }, (_, n) => harness.run(bundle, { qualname: 'f' }, [n])),
    );
  const attempts = (run: WatchedRun): number[] =>
    run.events.filter((event) => event.type === 'attempt').map((event) => event.attempt);
  const printed = async (run: WatchedRun): Promise<string[]> =>
    (await run.lines()).map((line) => line.text);
  /** Resolves when the run has printed this. */
  const until = async (run: WatchedRun, text: string): Promise<void> => {
    const watch = harness.service.watch(run.id, 0, () => undefined);
    let seen = '';
    while (!seen.includes(text)) {
      const readable = new Promise<void>((resolve) => watch.log.onReadable(resolve));
      const chunk = await watch.log.next(60_000);
      if (chunk === undefined) await readable;
      else seen += Buffer.from(chunk.bytes).toString('utf8');
    }
    watch.close();
    watch.log.close();
  };

  it('meet in one process, and each run sees its own lines only', async () => {
    const bundle = await bundleOf(
      'max_concurrent_inputs=4, max_containers=1',
      'here.wait()\nprint("in", n)\nhere.wait()\nreturn n',
    );
    const runs = await start(bundle, 4);
    await Promise.all(runs.map((run) => run.ended));
    assert.deepEqual(runs.map(valueOf), [0, 1, 2, 3]);
    assert.equal(new Set(runs.map((run) => containerOf(run).container)).size, 1);
    assert.deepEqual(await Promise.all(runs.map(printed)), [
      ['in 0'],
      ['in 1'],
      ['in 2'],
      ['in 3'],
    ]);
  });

  it('of a map meet too', async () => {
    const bundle = await harness.bundle(
      app(
        [
          'import threading',
          'here = threading.Barrier(4, timeout=60)',
          '@app.function(max_concurrent_inputs=4, max_containers=1)',
          'def work(n):',
          '    here.wait()',
          '    return n',
          '@app.function()',
          'def f():',
          '    return sum(work.map(range(20)))',
        ].join('\n'),
      ),
    );
    const run = await harness.run(bundle, { qualname: 'f' });
    await run.ended;
    assert.equal(valueOf(run), 190);
  });

  it('fill one container before another is started', async () => {
    const bundle = await bundleOf(
      'max_concurrent_inputs=2, max_containers=5, scaledown_window=1',
      'print("begun", flush=True)\nwhile not there("gate"):\n    time.sleep(0.01)\nreturn n',
    );
    let most = 0;
    harness.service.onContainers((containers) => (most = Math.max(most, containers.length)));
    const runs = await start(bundle, 5);
    await Promise.all(runs.map((run) => until(run, 'begun')));
    assert.equal(most, 3);
    const used = runs.map((run) => containerOf(run).container);
    const counts = [...new Set(used)].map((id) => used.filter((each) => each === id).length);
    assert.deepEqual(counts.sort(), [1, 2, 2]);
    await make('gate');
    await Promise.all(runs.map((run) => run.ended));
    assert.deepEqual(runs.map(valueOf), [0, 1, 2, 3, 4]);
  });

  it('go on when one of them is cancelled and ends', async () => {
    const bundle = await bundleOf(
      'max_concurrent_inputs=4, max_containers=1',
      'print("begun", flush=True)\nwhile not there(f"gate-{n}"):\n    time.sleep(0.01)\nreturn n',
    );
    const runs = await start(bundle, 2);
    await Promise.all(runs.map((run) => until(run, 'begun')));
    harness.service.cancel(runs[0]?.id ?? '');
    assert.equal((await runs[0]?.ended)?.status, 'cancelled');
    await make('gate-1');
    await runs[1]?.ended;
    assert.deepEqual(runs.slice(1).map(valueOf), [1]);
    assert.deepEqual(runs.map(attempts), [[], []]);
  });

  it('are tried again when one of them does not end in time and takes the process with it', async () => {
    const bundle = await bundleOf(
      'max_concurrent_inputs=4, max_containers=1',
      'print("begun", flush=True)\nif n == 0:\n    time.sleep(60)\nwhile not there("gate"):\n    time.sleep(0.01)\nreturn n',
    );
    const runs = await start(bundle, 2);
    await Promise.all(runs.map((run) => until(run, 'begun')));
    harness.service.cancel(runs[0]?.id ?? '');
    assert.equal((await runs[0]?.ended)?.status, 'cancelled');
    const again = await runs[1]?.until((event) => event.type === 'attempt');
    assert.ok(again?.type === 'attempt');
    assert.equal(again.attempt, 2);
    assert.match(again.reason, /another call, which was cancelled and did not end when asked/);
    await make('gate');
    await runs[1]?.ended;
    assert.deepEqual(runs.slice(1).map(valueOf), [1]);
  });

  it('are each tried once more when the process crashes, and then told why it did', async () => {
    const body = (tries: number): string =>
      [
        'mark = os.path.join(FOLDER, f"try-{n}-")',
        'tries = len([name for name in os.listdir(FOLDER) if name.startswith(f"try-{n}-")])',
        'open(f"{mark}{tries}", "w").close()',
        'here.wait()',
        `if n == 0 and tries < ${tries}:`,
        '    os._exit(3)',
        `if tries < ${tries}:`,
        '    time.sleep(60)',
        'return n',
      ].join('\n');
    const once = await start(
      await bundleOf('max_concurrent_inputs=4, max_containers=1', body(1)),
      4,
    );
    await Promise.all(once.map((run) => run.ended));
    assert.deepEqual(once.map(valueOf), [0, 1, 2, 3]);
    assert.deepEqual(once.map(attempts), [[2], [2], [2], [2]]);
    const [lost] = once[1]?.events.filter((event) => event.type === 'attempt') ?? [];
    assert.match(lost?.reason ?? '', /3 more at once.*exited with code 3/);

    await harness.close();
    harness = await Harness.open();
    const twice = await start(
      await bundleOf('max_concurrent_inputs=4, max_containers=1', body(2)),
      4,
    );
    await Promise.all(twice.map((run) => run.ended));
    assert.deepEqual(twice.map(attempts), [[2], [2], [2], [2]]);
    for (const run of twice) {
      assert.deepEqual([errorOf(run).kind, errorOf(run).type], ['user', 'RunnerExited']);
      assert.match(errorOf(run).hint ?? '', /max_concurrent_inputs/);
    }
  });

  it('share the time of their container, and so its cost', () => {
    let now = 0;
    const time = new SharedTime({
      now: () => now,
      monotonic: () => now,
      timer: () => () => undefined,
    });
    const first = time.begin();
    now = 100;
    const second = time.begin();
    now = 300;
    assert.deepEqual([time.since(first), time.since(second)], [200, 100]);
    time.end();
    now = 350;
    assert.equal(time.since(first), 250);
    time.end();
    now = 1000;
    const third = time.begin();
    now = 1010;
    assert.equal(time.since(third), 10);
  });
});
