import assert from 'node:assert/strict';
import { gpuOf, useOf } from '../../../runtime/gpu/cardUse';
import { explainOutOfMemory } from '../../../runtime/gpu/outOfMemory';
import type { Owner } from '../../../runtime/gpu/owners';
import type { Card } from '../../../runtime/gpu/samples';
import type { Gpu } from '../../../runtime/protocol/methods';
import type { RunError } from '../../../runtime/protocol/values';

const GB = 1e9;
const AT = 1_000_000;

const card: Card = {
  index: 0,
  uuid: 'GPU-1',
  name: 'NVIDIA L4',
  memoryTotalBytes: 24 * GB,
  memoryUsedBytes: 23.5 * GB,
  gpuPercent: 98,
  memoryPercent: 40,
  temperatureC: 61,
  powerWatts: 71.2,
  powerLimitWatts: 72,
  processes: [
    { pid: 10, usedBytes: 20 * GB },
    { pid: 11, usedBytes: 1 * GB },
    { pid: 20, usedBytes: 1.5 * GB },
    { pid: 30, usedBytes: 0.8 * GB },
  ],
  problem: null,
};

const inContainer = (container: string, app: string): Owner => ({
  name: 'python',
  root: { container, app, pid: 1 },
});
const owners = new Map<number, Owner | undefined>([
  [10, inContainer('c-mine', 'mine')],
  [11, inContainer('c-mine', 'mine')],
  [20, inContainer('c-other', 'other')],
  [30, { name: 'ollama', root: null }],
]);

function gpu(change: Partial<Card> = {}, known = owners): Gpu {
  const found = gpuOf({ ...card, ...change }, AT, 'nvml', known);
  assert.ok(found);
  return found;
}

describe("A container's memory on a card", () => {
  it('is that of its own processes, the others told apart', () => {
    const use = useOf(gpu(), 'c-mine');
    assert.equal(use?.usedBytes, 21 * GB);
    assert.deepEqual(use?.card, {
      scope: 'container',
      usedBytes: 23.5 * GB,
      othersBytes: 2.3 * GB,
      gpuPercent: 98,
      memoryPercent: 40,
      temperatureC: 61,
      powerWatts: 71.2,
      powerLimitWatts: 72,
    });
  });

  it("is the whole card's, said so, where one process is hidden or does not tell its memory", () => {
    const unseen = new Map(owners).set(30, undefined);
    const silent = [...(card.processes ?? []), { pid: 30, usedBytes: null }];
    for (const one of [gpu({}, unseen), gpu({ processes: silent }), gpu({ processes: null })]) {
      const use = useOf(one, 'c-mine');
      assert.deepEqual(
        [use?.usedBytes, use?.card.scope, use?.card.othersBytes],
        [23.5 * GB, 'card', null],
      );
    }
  });

  it('is unknown where the card does not tell', () => {
    assert.equal(useOf(gpu({ memoryUsedBytes: null }), 'c-mine'), null);
    assert.equal(gpuOf({ ...card, memoryTotalBytes: null }, AT, 'nvml', owners), null);
  });
});

describe('Out of memory on a card', () => {
  const error: RunError = {
    kind: 'gpu-oom',
    type: 'OutOfMemoryError',
    message: 'CUDA out of memory. Tried to allocate 2.00 GiB.',
    traceback: [],
    hint: 'Use a smaller batch.',
  };

  it('is explained with who held the memory', () => {
    const explained = explainOutOfMemory(error, [gpu()], 'c-mine', AT + 180);
    assert.deepEqual(explained.message.split('\n'), [
      'CUDA out of memory. Tried to allocate 2.00 GiB.',
      'L4 0, measured by NVML 180 ms before: 500 MB of 24.0 GB free; this container held 21.0 GB; ' +
        'container c-other of app other held 1.50 GB; other processes held 800 MB: ollama (pid 30) 800 MB.',
    ]);
    assert.equal(explained.hint, error.hint);
  });

  it('says what is not known', () => {
    const alone = explainOutOfMemory(error, [gpu({ processes: null })], 'c-mine', AT);
    assert.match(alone.message, /23\.5 GB in use, by whom is not told\.$/);
    const hidden = gpu({ processes: [{ pid: 77, usedBytes: null }] }, new Map([[77, undefined]]));
    const explained = explainOutOfMemory(error, [hidden], 'c-mine', AT);
    assert.match(
      explained.message,
      /other processes held an unknown amount: a hidden process \(pid 77\) unknown\.$/,
    );
  });

  it('names the largest of many, and counts the rest', () => {
    const many = Array.from({ length: 8 }, (_, index) => ({
      pid: 100 + index,
      usedBytes: (index + 1) * GB,
    }));
    const named = new Map(many.map(({ pid }) => [pid, { name: `p${pid}`, root: null }]));
    const { message } = explainOutOfMemory(error, [gpu({ processes: many }, named)], 'c-mine', AT);
    assert.match(
      message,
      /36\.0 GB: p107 \(pid 107\) 8\.00 GB, .*p103 \(pid 103\) 4\.00 GB, 3 more processes\.$/,
    );
  });

  it('is left as it is without a sample, and so is every other error', () => {
    const { live: _live, ...unsampled } = gpu();
    assert.equal(explainOutOfMemory(error, [unsampled], 'c-mine', AT), error);
    const user: RunError = { ...error, kind: 'user' };
    assert.equal(explainOutOfMemory(user, [gpu()], 'c-mine', AT), user);
  });
});
