import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { changedLines } from '../../src/editor/debug/lineDiff';

describe('lines that changed since a text was sent', () => {
  it('are those that were edited or put in, not those that moved', () => {
    assert.deepEqual(changedLines('a\nb\nc', 'a\nb\nc'), []);
    assert.deepEqual(changedLines('a\nb\nc', 'a\nB\nc'), [1]);
    assert.deepEqual(changedLines('a\nb\nc', 'a\nnew\nb\nc\nlast'), [1, 4]);
    assert.deepEqual(changedLines('a\r\nb', 'a\nb'), []);
  });

  it('mark the line where others were taken out', () => {
    assert.deepEqual(changedLines('a\nb\nc', 'a\nc'), [1]);
    assert.deepEqual(changedLines('a\nb', 'a'), [0]);
  });

  it('leave exactly lines of the text that was sent, in its order', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 });
    fc.assert(
      fc.property(text, text, (sent, now) => {
        const changed = new Set(changedLines(sent.join('\n'), now.join('\n')));
        const kept = now.filter((_, index) => !changed.has(index));
        let from = 0;
        for (const line of kept) {
          const found = sent.indexOf(line, from);
          if (kept.length > 1 || sent.length > 0)
            assert.ok(found >= 0, JSON.stringify({ sent, now }));
          from = found + 1;
        }
      }),
    );
  });
});
