import assert from 'node:assert/strict';
import type { GpuInventory } from '../../../runtime/gpu/detect';
import { Harness, valueOf, type WatchedRun } from './harness';

/** Cards made up for these tests: nothing here has run on hardware. */
const MADE_UP: GpuInventory = {
  gpus: [
    {
      index: 0,
      uuid: 'GPU-made-up-0',
      name: 'NVIDIA L4',
      model: 'L4',
      memoryTotalBytes: 24 * 1024 ** 3,
      memoryUsedBytes: null,
    },
  ],
  note: null,
  smi: null,
};

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

describe('GPU cards', function () {
  this.timeout(60_000);
  let harness: Harness;
  beforeEach(async () => {
    harness = await Harness.open({ gpus: MADE_UP });
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
    const slow = await harness.run(
      await harness.bundle(named('one', 'def f():\n    time.sleep(3)')),
      {
        qualname: 'f',
      },
    );
    await slow.until((event) => event.type === 'phase' && event.phase === 'running');
    const second = await harness.run(
      await harness.bundle(named('two', 'def f():\n    return "mine now"')),
      { qualname: 'f' },
    );
    await second.ended;
    assert.equal(valueOf(second), 'mine now');
    assert.match(waitingReasons(second), /in use by one/);
  });

  it('go round between apps that both have calls waiting for them', async () => {
    const body =
      'def f(x):\n    time.sleep(0.2)\n    return x\n@app.function()\ndef many(n):\n    return len(list(f.map(range(n))))';
    const greedy = await harness.run(
      await harness.bundle(named('greedy', body)),
      { qualname: 'many' },
      [25],
    );
    await greedy.until((event) => event.type === 'calls' && event.done > 0);
    const modest = await harness.run(
      await harness.bundle(named('modest', body)),
      { qualname: 'f' },
      [1],
    );
    await modest.ended;
    assert.equal(valueOf(modest), 1);
    const counted = greedy.events.filter((event) => event.type === 'calls').at(-1);
    const done = counted?.type === 'calls' ? counted.done : 0;
    assert.ok(done < 25, `the map went through all its ${done} calls first`);
    assert.equal((await greedy.ended).status, 'succeeded');
    assert.equal(valueOf(greedy), 25);
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
});
