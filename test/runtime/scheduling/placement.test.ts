import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  batchSize,
  fitBytes,
  targetDepth,
  worthAnother,
} from '../../../runtime/scheduling/batching';
import { retryAfterMs } from '../../../runtime/scheduling/retries';
import { chooseDevice } from '../../../runtime/scheduling/target';
import type { Gpu } from '../../../runtime/protocol/methods';

describe('batches of a map', () => {
  it('hold long calls back so that they spread, and send short ones together', () => {
    assert.equal(targetDepth(undefined, 1), 1);
    assert.equal(targetDepth(500, 1), 1);
    assert.ok(targetDepth(0.05, 1) >= 100);
    assert.equal(batchSize(0, 1, 8, 2), 1);
    assert.equal(batchSize(1, 1, 8, 2), 0);
  });

  it('never give one container more than its share of what is left', () => {
    fc.assert(
      fc.property(
        fc.nat(600),
        fc.integer({ min: 1, max: 600 }),
        fc.integer({ min: 1, max: 10_000 }),
        fc.integer({ min: 1, max: 64 }),
        (depth, target, waiting, containers) => {
          const size = batchSize(depth, target, waiting, containers);
          assert.ok(size >= 0 && size <= Math.ceil(waiting / containers));
          assert.ok(size === 0 || depth + size <= target);
        },
      ),
    );
  });

  it('fit one frame, and always hold at least one input', () => {
    assert.equal(fitBytes([10, 10, 10], 3), 3);
    assert.equal(fitBytes([60_000_000, 10], 2), 1);
    assert.equal(fitBytes([3_000_000, 3_000_000, 1], 3), 1);
  });

  it('are worth another container only when they take longer than it takes to start', () => {
    assert.equal(worthAnother(5000, 0.02, 1), false);
    assert.equal(worthAnother(50, 100, 1), true);
    assert.equal(worthAnother(1, undefined, 0), true);
  });
});

describe('another attempt', () => {
  const error = (
    kind: 'user' | 'infrastructure' | 'timeout' | 'cancelled',
    type = 'ValueError',
  ) => ({
    kind,
    type,
    message: '',
    traceback: [],
  });
  const first = { made: 1, lost: 0, allowed: 2, batch: false, shared: false };

  it('follows a failure that may go away, later each time, and not for ever', () => {
    assert.equal(retryAfterMs(error('user'), first), 250);
    assert.equal(retryAfterMs(error('user'), { ...first, made: 2 }), 500);
    assert.equal(retryAfterMs(error('user'), { ...first, made: 3 }), undefined);
  });

  it('does not follow what was cancelled, ran out of time, or fails the same way every time', () => {
    for (const final of [error('cancelled'), error('timeout'), error('user', 'SystemExit')]) {
      assert.equal(retryAfterMs(final, first), undefined);
    }
  });

  it('costs an input of a batch nothing when a worker dies, twice', () => {
    const batch = { allowed: 0, batch: true, shared: false };
    const died = error('infrastructure', 'WorkerDied');
    assert.equal(retryAfterMs(died, { ...batch, made: 1, lost: 1 }), 0);
    assert.notEqual(retryAfterMs(died, { ...batch, made: 2, lost: 2 }), undefined);
    assert.equal(retryAfterMs(died, { ...batch, made: 3, lost: 3 }), undefined);
    assert.equal(retryAfterMs(died, { ...batch, batch: false, made: 1, lost: 1 }), undefined);
  });

  it('costs a call that ran at once with others nothing when their runner dies, once', () => {
    const shared = { allowed: 0, batch: false, shared: true };
    const died = error('infrastructure', 'RunnerLost');
    assert.equal(retryAfterMs(died, { ...shared, made: 1, lost: 1 }), 0);
    assert.equal(retryAfterMs(died, { ...shared, made: 2, lost: 2 }), undefined);
  });
});

describe('the device of a function', () => {
  const card = (name: string, index: number): Gpu => ({
    index,
    uuid: `GPU-${index}`,
    name,
    model: null,
    memoryTotalBytes: 1,
    memoryUsedBytes: null,
  });

  it('is any of the choices that the machine has cards for, in their order', () => {
    const gpus = [card('NVIDIA A100-SXM4-80GB', 0), card('NVIDIA L4', 1), card('NVIDIA L4', 2)];
    const wanted = [
      { name: 'H100', count: 1 },
      { name: 'L4', count: 2 },
      { name: 'L4', count: 3 },
      { name: 'A100', count: 1 },
    ];
    assert.deepEqual(chooseDevice(wanted, gpus, false, null), { choices: [wanted[1], wanted[3]] });
  });

  it('is the CPU only where that was allowed, and otherwise an error that says what there is', () => {
    const wanted = [{ name: 'H100', count: 1 }];
    const gpus = [card('NVIDIA T4', 0)];
    assert.deepEqual(chooseDevice(wanted, gpus, true, null), { choices: [] });
    const refused = chooseDevice(wanted, gpus, false, null);
    assert.ok('error' in refused);
    assert.equal(refused.error.kind, 'capacity');
    assert.deepEqual(refused.error.details, { wanted: ['H100'], has: ['NVIDIA T4'] });
  });
});
