import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BatchEvent } from '../../../runtime/protocol/events';
import { applyRunEvent, newRunRecord } from '../../../runtime/protocol/runRecord';
import { app, Harness, valueOf, type WatchedRun } from './harness';

const batchesOf = (run: WatchedRun): BatchEvent[] =>
  run.events.filter((event) => event.type === 'batch');

describe('progress of a batch', function () {
  this.timeout(60_000);
  let harness: Harness;
  before(async () => {
    harness = await Harness.open();
  });
  after(() => harness.close());

  it('is what an independent count says: done, failed, total, pace', async () => {
    const ended = join(harness.home, 'ended');
    const bundle = await harness.bundle(
      app(
        [
          'import time',
          '@app.function(max_containers=2)',
          'def slow(x):',
          '    time.sleep(0.02)',
          `    with open(${JSON.stringify(ended)}, "a") as file:`,
          '        file.write("%d %f\\n" % (x, time.time()))',
          '    if x % 40 == 7:',
          '        raise ValueError(x)',
          '    return x',
          '@app.function()',
          'def f(n):',
          '    results = slow.map(range(n), return_exceptions=True)',
          '    return sum(isinstance(result, Exception) for result in results)',
        ].join('\n'),
      ),
    );
    const run = await harness.run(bundle, { qualname: 'f' }, [160]);
    await run.ended;
    assert.equal(valueOf(run), 4, JSON.stringify(run.events.at(-2)));
    const told = batchesOf(run);
    const last = told.at(-1);
    const { done, failed, cancelled, total, complete } = last ?? {};
    assert.deepEqual([done, failed, cancelled, total, complete], [156, 4, 0, 160, true]);
    assert.equal(last?.leftMs, 0);

    const lines = (await readFile(ended, 'utf8')).trim().split('\n');
    const times = lines.map((line) => Number(line.split(' ')[1]) * 1000).sort((a, b) => a - b);
    assert.equal(times.length, 160);
    for (const { at, ...counts } of told) {
      const by = times.filter((time) => time <= at).length;
      // What has ended in the function is told a moment later, never before.
      assert.ok(counts.done + counts.failed <= by, JSON.stringify({ at, counts, by }));
    }
    const first = times[0] ?? 0;
    const measured = 159 / (((times.at(-1) ?? 0) - first) / 1000);
    const said = last.perSecond ?? 0;
    assert.ok(said > measured * 0.7 && said < measured * 1.3, `${said} of ${measured} a second`);
    // The end is told at once; before it, no more than four a second.
    const gaps = told.slice(1, -1).map(({ at }, index) => at - (told[index]?.at ?? 0));
    assert.ok(
      gaps.every((gap) => gap >= 240),
      gaps.join(', '),
    );
  });

  it('says how many inputs there are only once they were read to the end', async () => {
    const gate = join(harness.home, 'gate');
    const bundle = await harness.bundle(
      app(
        [
          'import os, time',
          '@app.function()',
          'def same(x):',
          '    return x',
          'def inputs():',
          '    for x in range(6):',
          '        time.sleep(0.02)',
          '        yield x',
          `    while not os.path.exists(${JSON.stringify(gate)}):`,
          '        time.sleep(0.01)',
          '    yield from range(6, 10)',
          '@app.function()',
          'def f():',
          '    return list(same.map(inputs()))',
        ].join('\n'),
      ),
    );
    const run = await harness.run(bundle, { qualname: 'f' });
    const paused = await run.until((event) => event.type === 'batch' && event.total === 6);
    assert.ok(paused.type === 'batch' && !paused.complete && paused.leftMs === null);
    await writeFile(gate, '');
    await run.ended;
    assert.deepEqual(valueOf(run), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const last = batchesOf(run).at(-1);
    assert.deepEqual([last?.done, last?.total, last?.complete], [10, 10, true]);
  });

  it('counts what was given up after a failure apart from what failed', async () => {
    const bundle = await harness.bundle(
      app(
        [
          'import time',
          '@app.function(max_containers=1)',
          'def slow(x):',
          '    if x == 3:',
          '        raise ValueError("no three")',
          '    time.sleep(0.05)',
          '    return x',
          '@app.function()',
          'def f(n):',
          '    try:',
          '        list(slow.map(range(n)))',
          '    except ValueError as error:',
          '        return str(error).splitlines()[0]',
        ].join('\n'),
      ),
    );
    const run = await harness.run(bundle, { qualname: 'f' }, [50]);
    await run.ended;
    assert.equal(valueOf(run), 'no three');
    const last = batchesOf(run).at(-1);
    assert.equal(last?.failed, 1);
    assert.ok(last.done >= 3 && last.done < 50, JSON.stringify(last));
    assert.equal(last.done + last.failed + last.cancelled, last.total);
    assert.ok(last.cancelled > 0);
  });

  it('lists inputs that failed: which, with what arguments, why; the first hundred of them', async () => {
    const bundle = await harness.bundle(
      app(
        [
          'import os, signal',
          '@app.function(max_containers=1)',
          'def work(x, password=None):',
          '    if x == 3:',
          '        os.kill(os.getpid(), signal.SIGKILL)',
          '    if x % 2:',
          '        raise ValueError("odd: %d\\nmore" % x)',
          '@app.function()',
          'def f(n):',
          '    shared = {"password": "hunter2"}',
          '    results = work.map(range(n), kwargs=shared, return_exceptions=True)',
          '    return sum(isinstance(result, Exception) for result in results)',
        ].join('\n'),
      ),
    );
    const run = await harness.run(bundle, { qualname: 'f' }, [260]);
    await run.ended;
    assert.equal(valueOf(run), 130, JSON.stringify(run.events.at(-2)));
    const failed = run.events.filter((event) => event.type === 'input-failed');
    assert.equal(failed.length, 100);
    assert.equal(batchesOf(run).at(-1)?.failed, 130);
    const byIndex = new Map(failed.map((event) => [event.index, event]));
    const { at: _at, ...one } = byIndex.get(1) ?? { at: 0 };
    assert.deepEqual(one, {
      type: 'input-failed',
      map: 1,
      function: 'work',
      index: 1,
      input: '(1, password=<hidden: its name is that of a secret>)',
      kind: 'user',
      error: 'ValueError',
      message: 'odd: 1',
    });
    assert.ok(!JSON.stringify(run.events).includes('hunter2'));
    const later = harness.watch(run.id).events.filter((event) => event.type === 'input-failed');
    assert.deepEqual(later, failed);
    const lost = byIndex.get(3);
    // It took two runners with it before it was given up: nobody is left to read what it was.
    assert.ok(lost === undefined || (lost.input === null && lost.kind === 'infrastructure'));
  });

  it('reads a million inputs no further ahead of the results than a window', async () => {
    const bundle = await harness.bundle(
      app(
        [
          'import os, time',
          `GATE = ${JSON.stringify(join(harness.home, 'far'))}`,
          '@app.function(max_containers=1, max_concurrent_inputs=2)',
          'def same(x):',
          '    if x == 4000:',
          '        open(GATE, "w").close()',
          '    # Results of the others are held for the order while the first one waits.',
          '    while x == 0 and not os.path.exists(GATE):',
          '        time.sleep(0.01)',
          '    if x == 0:',
          '        time.sleep(1)',
          '    return x',
          '@app.function()',
          'def f():',
          '    read = [0]',
          '    def inputs():',
          '        for x in range(10**6):',
          '            read[0] += 1',
          '            yield x',
          '    ahead = 0',
          '    results = same.map(inputs())',
          '    for taken, x in enumerate(results, 1):',
          '        assert x == taken - 1',
          '        ahead = max(ahead, read[0] - taken)',
          '        if taken == 6000:',
          '            break',
          '    results.close()',
          '    return ahead',
        ].join('\n'),
      ),
    );
    const run = await harness.run(bundle, { qualname: 'f' });
    await run.ended;
    const ahead = Number(valueOf(run));
    assert.ok(ahead >= 4000 && ahead <= 4096, `${String(ahead)} inputs ahead`);
    const last = batchesOf(run).at(-1);
    assert.ok(last !== undefined && last.total < 11_000, JSON.stringify(last));
  });

  it('names the input that held the most memory, and how much the kernel says it was', async () => {
    const bundle = await harness.bundle(
      app(
        [
          'import time',
          'def highest():',
          '    with open("/proc/self/status") as file:',
          '        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))',
          '@app.function(max_containers=1)',
          'def work(x):',
          '    # Shorter than a sample takes to fall into it.',
          '    data = bytearray(b"x") * ((150 if x == 7 else 1) << 20)',
          '    del data',
          '    return highest()',
          '@app.function(max_containers=1, max_concurrent_inputs=2)',
          'def beside(x):',
          '    time.sleep(0.01)',
          '@app.function()',
          'def f(n):',
          '    return list(work.map(range(n)))[7]',
          '@app.function()',
          'def g(n):',
          '    return f.local(n) + len(list(beside.map(range(n))))',
        ].join('\n'),
      ),
    );
    const run = await harness.run(bundle, { qualname: 'f' }, [12]);
    await run.ended;
    const highest = Number(valueOf(run));
    const [peak, ...others] = batchesOf(run).at(-1)?.peaks ?? [];
    assert.deepEqual(others, []);
    assert.deepEqual(peak, { device: 'host', bytes: peak?.bytes, function: 'work', index: 7 });
    const bytes = peak?.bytes ?? 0;
    assert.ok(bytes >= 150 * 2 ** 20 && bytes < 350 * 2 ** 20, String(bytes));
    assert.ok(Math.abs(bytes / highest - 1) < 0.05, `${bytes} told, ${highest} read`);
    const record = run.events.reduce(applyRunEvent, newRunRecord('r', 'app.py', 'f', 0));
    assert.ok((record.peakBytes['host'] ?? 0) >= bytes);

    const mixed = await harness.run(bundle, { qualname: 'g' }, [12]);
    await mixed.ended;
    assert.equal(batchesOf(mixed).at(-1)?.peaks, null);
  });

  it("names the input that held the most of a GPU, by torch's own count", async () => {
    const gigabytes = (count: number): number => count * 2 ** 30;
    const bundle = await harness.bundle({
      // A stand-in with the functions that are asked: there is no GPU here.
      'torch.py': [
        'class version: cuda = "12.4"',
        'class properties: total_memory = 24 << 30',
        'class cuda:',
        '    held = peak = 1 << 30',
        '    is_initialized = staticmethod(lambda: True)',
        '    device_count = staticmethod(lambda: 1)',
        '    memory_allocated = staticmethod(lambda index: cuda.held)',
        '    max_memory_allocated = staticmethod(lambda index: cuda.peak)',
        '    memory_reserved = staticmethod(lambda index: cuda.peak)',
        '    get_device_properties = staticmethod(lambda index: properties)',
        '    def reset_peak_memory_stats(index):',
        '        cuda.peak = cuda.held',
        '',
      ].join('\n'),
      ...app(
        [
          'import torch',
          '@app.function(max_containers=1)',
          'def work(x):',
          '    torch.cuda.peak = max(torch.cuda.peak, (2 if x == 3 else 1) << 30)',
          '@app.function()',
          'def f(n):',
          '    work.for_each(range(n))',
        ].join('\n'),
      ),
    });
    const run = await harness.run(bundle, { qualname: 'f' }, [6]);
    await run.ended;
    const peaks = batchesOf(run).at(-1)?.peaks ?? [];
    assert.deepEqual(
      peaks.find(({ device }) => device === 'cuda:0'),
      { device: 'cuda:0', bytes: gigabytes(2), function: 'work', index: 3 },
    );
  });

  it('is not told of a run that maps nothing, and its newest state is what is told later', async () => {
    const bundle = await harness.bundle(
      app(
        [
          'import time',
          '@app.function()',
          'def slow(x):',
          '    time.sleep(0.01)',
          '@app.function()',
          'def maps(n):',
          '    slow.for_each(range(n))',
          '@app.function()',
          'def calls():',
          '    slow.remote(1)',
        ].join('\n'),
      ),
    );
    const calls = await harness.run(bundle, { qualname: 'calls' });
    await calls.ended;
    assert.deepEqual(batchesOf(calls), []);
    const run = await harness.run(bundle, { qualname: 'maps' }, [100]);
    await run.ended;
    assert.ok(batchesOf(run).length > 1);
    const later = harness.watch(run.id);
    assert.deepEqual(batchesOf(later), batchesOf(run).slice(-1));
  });
});
