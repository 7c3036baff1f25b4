import assert from 'node:assert/strict';
import { MoveTurns } from '../../../runtime/deployments/moveTurns';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('turns of changes', () => {
  it('come in the order they were asked for, each told what goes on, apart for each owner', async () => {
    const turns = new MoveTurns();
    const { signal } = new AbortController();
    const told: string[] = [];
    const began: string[] = [];
    const take = async (owner: string, what: string): Promise<() => void> => {
      const over = await turns.take(owner, what, signal, (before) => {
        told.push(`${what} after ${before}`);
      });
      began.push(what);
      return over;
    };
    const first = take('a', 'one');
    const second = take('a', 'two');
    const third = take('a', 'three');
    await take('b', 'other');
    assert.deepEqual(told, ['two after one', 'three after one']);
    assert.deepEqual(began, ['one', 'other']);
    assert.equal(turns.going('a'), 'one');
    (await first)();
    (await second)();
    (await third)();
    assert.deepEqual(began, ['one', 'other', 'two', 'three']);
    assert.equal(turns.going('a'), undefined);
  });

  it('that are given up let nobody pass before the time, and hold nobody up', async () => {
    const turns = new MoveTurns();
    const never = new AbortController().signal;
    const gone = new AbortController();
    const first = await turns.take('a', 'one', never, () => undefined);
    const second = turns.take('a', 'two', gone.signal, () => undefined);
    let began = false;
    const third = turns
      .take('a', 'three', never, () => undefined)
      .then((over) => {
        began = true;
        return over;
      });
    gone.abort();
    await assert.rejects(second, /Cancelled/);
    await settled();
    assert.equal(began, false);
    first();
    first();
    (await third)();
    await assert.rejects(
      turns.take('a', 'four', gone.signal, () => undefined),
      /Cancelled/,
    );
    assert.equal(turns.going('a'), undefined);
  });
});
