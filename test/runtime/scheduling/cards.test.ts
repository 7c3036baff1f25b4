import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GpuInventory } from '../../../runtime/gpu/detect';
import type { RunEvent } from '../../../runtime/protocol/events';
import { Harness, valueOf, type WatchedRun } from './harness';

/** Cards made up for these tests: nothing here has run on hardware. */
const madeUp = (...models: string[]): GpuInventory => ({
  gpus: models.map((model, index) => ({
    index,
    uuid: `GPU-made-up-${index}`,
    name: `NVIDIA ${model}`,
    model,
    memoryTotalBytes: 24 * 1024 ** 3,
    memoryUsedBytes: null,
  })),
  note: null,
  smi: null,
});

const named = (name: string, body: string): Record<string, string> => ({
  'app.py': `import os, time, velar\napp = velar.App("${name}")\n@app.function(gpu="L4")\n${body}\n`,
});

function waitingReasons(run: WatchedRun): string {
  return run.events
    .filter((event) => event.type === 'phase')
    .filter((event) => event.phase === 'queued' && event.status === 'progress')
    .map((event) => event.detail)
    .join('; ');
}

/** An event that says of a run that it waits, and why. */
const waitsWith =
  (reason: RegExp) =>
  (event: RunEvent): boolean =>
    event.type === 'phase' && event.status === 'progress' && reason.test(event.detail ?? '');

describe('GPU cards', function () {
  this.timeout(60_000);
  let harness: Harness;
  beforeEach(async () => {
    harness = await Harness.open({ gpus: madeUp('L4') });
  });
  afterEach(() => harness.close());

  it('are given to one container at a time, which sees only its own, and are billed', async () => {
    const bundle = await harness.bundle(
      named(
        'one',
        'def f():\n    time.sleep(0.2)\n    return [os.environ["CUDA_VISIBLE_DEVICES"], os.environ["VELAR_DEVICE"]]',
      ),
    );
    const run = await harness.run(bundle, { qualname: 'f' });
    await run.ended;
    assert.deepEqual(valueOf(run), ['GPU-made-up-0', 'gpu']);
    const cost = run.events.find((event) => event.type === 'cost');
    assert.ok(cost?.type === 'cost' && cost.gpu === 'L4' && cost.seconds >= 0.2);
    assert.ok(Math.abs(cost.usd - (cost.seconds / 3600) * 0.59) < 1e-9);
  });

  it('pass from an idle container to the app that needs them', async () => {
    const body = 'def f():\n    return os.environ["CUDA_VISIBLE_DEVICES"]';
    const first = await harness.run(await harness.bundle(named('one', body)), { qualname: 'f' });
    await first.ended;
    const second = await harness.run(await harness.bundle(named('two', body)), { qualname: 'f' });
    await second.ended;
    assert.equal(valueOf(second), 'GPU-made-up-0');
    assert.match(waitingReasons(second), /waiting for a free L4/);
    assert.deepEqual(
      harness.service.containers().map((container) => container.app),
      ['two'],
    );
  });

  it('that are in use are waited for, and the run says who has them', async () => {
    const gate = join(harness.home, 'gate');
    const body = `def f():\n    while not os.path.exists(${JSON.stringify(gate)}):\n        time.sleep(0.01)`;
    const slow = await harness.run(await harness.bundle(named('one', body)), { qualname: 'f' });
    await slow.until((event) => event.type === 'phase' && event.phase === 'running');
    const second = await harness.run(
      await harness.bundle(named('two', 'def f():\n    return "mine now"')),
      { qualname: 'f' },
    );
    await second.until(waitsWith(/in use by one/));
    await writeFile(gate, '');
    await second.ended;
    assert.equal(valueOf(second), 'mine now');
  });

  it('go round between apps that both have calls waiting for them', async () => {
    // The greedy map has inputs for as long as the modest call has not ended.
    const ended = join(harness.home, 'modest-ended');
    const body = [
      'def f(x):',
      '    time.sleep(0.05)',
      '    return x',
      'def inputs():',
      '    number = 0',
      `    while not os.path.exists(${JSON.stringify(ended)}):`,
      '        yield number',
      '        number += 1',
      '@app.function()',
      'def many():',
      '    return all(index == x for index, x in enumerate(f.map(inputs())))',
    ].join('\n');
    const greedy = await harness.run(await harness.bundle(named('greedy', body)), {
      qualname: 'many',
    });
    const done = (): number => {
      const counted = greedy.events.filter((event) => event.type === 'calls').at(-1);
      return counted?.type === 'calls' ? counted.done : 0;
    };
    await greedy.until((event) => event.type === 'calls' && event.done > 0);
    const modest = await harness.run(
      await harness.bundle(named('modest', body)),
      { qualname: 'f' },
      [1],
    );
    await modest.ended;
    assert.equal(valueOf(modest), 1);
    assert.ok(!greedy.events.some((event) => event.type === 'ended'));
    // The card goes back to the greedy one, which has calls that wait.
    const before = done();
    await greedy.until((event) => event.type === 'calls' && event.done > before);
    await writeFile(ended, '');
    harness.service.cancel(greedy.id);
    await greedy.ended;
  });

  it('serve a new version of the code beside the calls of the old one', async () => {
    const version = (n: number) =>
      named(
        'one',
        `def f(x):\n    time.sleep(0.2)\n    return ${n}\n@app.function()\ndef many(n):\n    return sum(f.map(range(n)))`,
      );
    const old = await harness.run(await harness.bundle(version(1)), { qualname: 'many' }, [15]);
    await old.until((event) => event.type === 'calls' && event.done > 0);
    const fresh = await harness.run(await harness.bundle(version(2)), { qualname: 'f' }, [1]);
    await Promise.all([fresh.ended, old.ended]);
    assert.deepEqual([valueOf(old), valueOf(fresh)], [15, 2]);
  });

  it('that are waited for come with a place in line, which moves up', async () => {
    const gate = join(harness.home, 'gate');
    const body = `def f():\n    while not os.path.exists(${JSON.stringify(gate)}):\n        time.sleep(0.01)`;
    const holder = await harness.run(await harness.bundle(named('holder', body)), {
      qualname: 'f',
    });
    await holder.until((event) => event.type === 'phase' && event.phase === 'running');
    const second = await harness.bundle(named('second', 'def f():\n    return 2'));
    const first = await harness.run(
      await harness.bundle(named('first', 'def f():\n    return 1')),
      { qualname: 'f' },
    );
    await first.until(waitsWith(/^waiting for a free L4: in use by holder; 1st in line$/));
    const behind = await harness.run(second, { qualname: 'f' });
    await behind.until(waitsWith(/^waiting for a free L4: in use by holder; 2nd in line$/));
    const last = await harness.run(second, { qualname: 'f' });
    await last.until(waitsWith(/^waiting for a free L4: in use by holder; 3rd in line$/));
    await writeFile(gate, '');
    await Promise.all([holder.ended, first.ended, behind.ended, last.ended]);
    assert.deepEqual([first, behind, last].map(valueOf), [1, 2, 2]);
    assert.match(waitingReasons(behind), /1st in line/);
  });

  it('go to calls before they go to what comes up ahead of calls', async () => {
    const ahead = (name: string, body: string): Record<string, string> => ({
      'app.py':
        named(name, body)['app.py']?.replace('gpu="L4"', 'gpu="L4", min_containers=1') ?? '',
    });
    const kept = await harness.run(await harness.bundle(ahead('kept', 'def f():\n    return 1')), {
      qualname: 'f',
    });
    await kept.ended;
    await harness.containersUntil((all) => all.length === 1 && all[0]?.state === 'idle');
    const other = await harness.run(
      await harness.bundle(ahead('other', 'def f():\n    return 2')),
      { qualname: 'f' },
    );
    await other.ended;
    assert.equal(valueOf(other), 2);
  });
});

describe('an ordered list of GPUs', function () {
  this.timeout(120_000);
  let harness: Harness;
  beforeEach(async () => {
    harness = await Harness.open({ gpus: madeUp('A100', 'L4', 'T4') });
  });
  afterEach(() => harness.close());

  const listed = (name: string, list: string): Record<string, string> => ({
    'app.py': [
      'import os, time, velar',
      `app = velar.App("${name}")`,
      `@app.function(gpu=${list})`,
      'def f(gate):',
      '    while not os.path.exists(gate):',
      '        time.sleep(0.01)',
      '    return os.environ["CUDA_VISIBLE_DEVICES"]',
    ].join('\n'),
  });
  const gate = (name: string): string => join(harness.home, name);
  const start = async (name: string, list: string): Promise<WatchedRun> => {
    const run = await harness.run(await harness.bundle(listed(name, list)), { qualname: 'f' }, [
      gate(name),
    ]);
    await run.until((event) => event.type === 'phase' && event.phase === 'running');
    return run;
  };
  const gpuOf = (run: WatchedRun): unknown => {
    const used = run.events.find((event) => event.type === 'container');
    return used?.type === 'container' ? used.gpu : undefined;
  };

  it('is the first one that is free, whatever the others do; that one is shown and billed', async () => {
    const first = await start('one', '["H100", "L4", "A100"]');
    const second = await start('two', '["H100", "L4", "A100"]');
    const third = await start('three', '["T4", "L4"]');
    await Promise.all(['one', 'two', 'three'].map((name) => writeFile(gate(name), '')));
    await Promise.all([first.ended, second.ended, third.ended]);
    assert.deepEqual([first, second, third].map(gpuOf), ['L4', 'A100', 'T4']);
    assert.deepEqual([first, second, third].map(valueOf), [
      'GPU-made-up-1',
      'GPU-made-up-0',
      'GPU-made-up-2',
    ]);
    const cost = second.events.find((event) => event.type === 'cost');
    assert.equal(cost?.type === 'cost' && cost.gpu, 'A100');
  });

  it('is any of them as soon as one is free, when all are in use', async () => {
    const l4 = await start('one', '"L4"');
    const a100 = await start('two', '"A100"');
    const run = await harness.run(
      await harness.bundle(listed('three', '["L4", "A100"]')),
      { qualname: 'f' },
      [gate('two')],
    );
    await run.until(waitsWith(/^waiting for a free L4 or A100: in use by one, two; 1st in line$/));
    await writeFile(gate('two'), '');
    await Promise.all([a100.ended, run.ended]);
    assert.equal(valueOf(run), 'GPU-made-up-0');
    await writeFile(gate('one'), '');
    await l4.ended;
  });
});

describe('several cards for one container', function () {
  this.timeout(120_000);

  it('are got in turn, though calls for one card each keep coming', async () => {
    const harness = await Harness.open({ gpus: madeUp('L4', 'L4') });
    try {
      const ended = join(harness.home, 'ended');
      const body = [
        'def f(x):',
        '    time.sleep(0.05)',
        '    return x',
        'def inputs():',
        `    while not os.path.exists(${JSON.stringify(ended)}):`,
        '        yield 1',
        '@app.function()',
        'def many():',
        '    return sum(1 for _ in f.map(inputs()))',
      ].join('\n');
      const single = await harness.run(await harness.bundle(named('single', body)), {
        qualname: 'many',
      });
      await single.until((event) => event.type === 'calls' && event.done > 0);
      const both = named('both', 'def f():\n    return os.environ["CUDA_VISIBLE_DEVICES"]');
      const run = await harness.run(
        await harness.bundle({ 'app.py': both['app.py']?.replace('"L4"', '"L4:2"') ?? '' }),
        { qualname: 'f' },
      );
      await run.ended;
      assert.equal(valueOf(run), 'GPU-made-up-0,GPU-made-up-1');
      await writeFile(ended, '');
      harness.service.cancel(single.id);
      await single.ended;
    } finally {
      await harness.close();
    }
  });
});
