import assert from 'node:assert/strict';
import { roomNotes } from '../../../runtime/deployments/moveRoom';
import type { DeployedFunction, Version } from '../../../runtime/protocol/deployments';
import { diffLines } from '../../../src/client/versions/diffText';
import { madeUpCards } from '../scheduling/deploying';
import { madeUpFunction, madeUpVersion } from './madeUpVersion';

const fn = (qualname: string, gpu: string | null, over: object = {}): DeployedFunction => {
  const plain = madeUpFunction({ qualname });
  const cards = gpu === null ? [] : [{ name: gpu, count: 1 }];
  return { ...plain, options: { ...plain.options, gpu: cards, ...over } };
};
const version = (number: number, ...functions: DeployedFunction[]): Version =>
  madeUpVersion(number, functions);

describe('room for a version beside the one that is served', () => {
  const notes = (from: Version | undefined, to: Version, ...models: string[]): string[] =>
    roomNotes('production', from, to, madeUpCards(...models).gpus);
  const one = version(1, fn('f', 'L4', { minContainers: 1 }));
  const two = version(2, fn('f', 'L4', { minContainers: 1 }));

  it('is missing on one card, which is said beforehand, with what becomes of calls', () => {
    const [note] = notes(one, two, 'L4');
    assert.equal(
      note,
      'there are too few cards for version 1 and this one at once: calls of production wait while version 2 comes up; none is lost',
    );
    const diff = { app: 'a', from: 1, to: 2, files: [], lines: [], notes: [note ?? ''] };
    assert.deepEqual(
      diffLines(diff).map(({ text }) => text),
      ['nothing changes', `! ${note ?? ''}`],
    );
  });

  it('is there with a card for each, without GPUs, and where nothing is served', () => {
    assert.deepEqual(notes(one, two, 'L4', 'L4'), []);
    assert.deepEqual(notes(one, two, 'L4', 'T4').length, 1);
    assert.deepEqual(notes(version(1, fn('f', null)), version(2, fn('f', null)), 'L4'), []);
    assert.deepEqual(notes(one, version(2, fn('f', null)), 'L4'), []);
    assert.deepEqual(notes(undefined, two, 'L4'), []);
    // Functions that no card of this machine serves run on the CPU, where that was allowed.
    assert.deepEqual(notes(one, two, 'T4'), []);
  });

  it('counts what is kept, and one container for functions that share it', () => {
    const kept = version(1, fn('f', 'L4', { minContainers: 2 }));
    assert.equal(notes(kept, two, 'L4', 'L4').length, 1);
    const shared = version(2, fn('f', 'L4'), fn('g', 'L4'));
    assert.deepEqual(notes(one, shared, 'L4', 'L4'), []);
    const apart = version(2, fn('f', 'L4'), fn('g', 'L4', { env: { A: '1' } }));
    assert.equal(notes(one, apart, 'L4', 'L4').length, 1);
  });
});
