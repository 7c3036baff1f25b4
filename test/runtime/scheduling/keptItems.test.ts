import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { RunEvent } from '../../../runtime/protocol/events';
import { KeptItems } from '../../../runtime/scheduling/keptItems';

const MIB = 1024 ** 2;

describe('items that a run keeps for who watches later', () => {
  it('are the first and the newest, bounded in number and bytes, and the rest is counted', () => {
    const sizes = fc.array(fc.constantFrom(10, 1000, 300_000, 3 * MIB), { maxLength: 60 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 120 }), (pattern, times) => {
        const items = new KeptItems();
        let kept: { event: RunEvent; bytes: number }[] = [];
        const all = Array.from({ length: times }, () => pattern).flat();
        for (const [index, bytes] of all.entries()) {
          const event: RunEvent = { type: 'yield', at: 0, index, item: { value: index } };
          const gone = items.add(event, bytes);
          kept.push({ event, bytes });
          if (gone !== undefined) kept = kept.filter((each) => !gone.has(each.event));
          assert.ok(kept.length <= 100 + 2000);
        }
        const sum = kept.reduce((bytes, each) => bytes + each.bytes, 0);
        assert.ok(sum <= (8 + 16) * MIB, `${sum} bytes`);
        assert.equal(items.forgotten, all.length - kept.length);
        const numbers = kept.map(({ event }) => (event.type === 'yield' ? event.index : -1));
        const newest = numbers.slice(-2);
        assert.deepEqual(newest, [...all.keys()].slice(-2), 'the newest are there');
        if (all.length > 0) assert.equal(numbers[0], 0, 'and the first');
      }),
      { numRuns: 50 },
    );
  });
});
