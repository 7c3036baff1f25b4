import assert from 'node:assert/strict';
import { Turns } from '../../../runtime/scheduling/turns';

describe('the turn of those whom a container came up for', () => {
  let now = 0;
  const container = {};
  const turns = new Turns<object>({ monotonic: () => now });

  it('lasts until it was of use, and as long as coming up took', () => {
    now = 100;
    turns.coming(container);
    now = 1100;
    turns.ready(container);
    now = 9000;
    assert.equal(turns.isOver(container), false);
    turns.used(container);
    assert.equal(turns.isOver(container), true);
    turns.coming(container);
    now = 10_000;
    turns.ready(container);
    turns.used(container);
    now = 10_900;
    assert.equal(turns.isOver(container), false);
    now = 11_000;
    assert.equal(turns.isOver(container), true);
  });
});
