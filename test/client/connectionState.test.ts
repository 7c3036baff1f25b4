import * as assert from 'node:assert/strict';
import fc from 'fast-check';
import { VelarError } from '../../runtime/protocol/errors';
import {
  connectionReducer,
  retryDelayMs,
  type LinkEvent,
  type LinkState,
} from '../../src/client/connectionState';

const GIVE_UP_MS = 60_000;
const broken = new VelarError('unreachable', 'The socket broke.');

function dropped(at: number, error = broken): LinkEvent {
  return { type: 'dropped', error, at, random: 0.5 };
}

function after(state: LinkState, ...events: LinkEvent[]): LinkState {
  return events.reduce((now, event) => connectionReducer(now, event, GIVE_UP_MS), state);
}

describe('connection states', () => {
  it('tell a first connection that fails to whoever asked, without trying again', () => {
    assert.deepEqual(after({ kind: 'connecting' }, dropped(0)), { kind: 'closed', error: broken });
  });

  it('reconnect after a drop and count the tries until one succeeds', () => {
    const first = after({ kind: 'connected' }, dropped(1000));
    assert.ok(first.kind === 'reconnecting');
    assert.equal(first.attempt, 1);
    const third = after(first, { type: 'retry' }, dropped(1100), { type: 'retry' }, dropped(1400));
    assert.ok(third.kind === 'reconnecting');
    assert.deepEqual([third.attempt, third.since], [3, 1000]);
    assert.deepEqual(after(third, { type: 'welcomed' }), { kind: 'connected' });
  });

  it('give up when the runtime has been away for too long', () => {
    const away = after({ kind: 'connected' }, dropped(0), { type: 'retry' }, dropped(GIVE_UP_MS));
    assert.equal(away.kind, 'closed');
  });

  it('do not try again where another try can mend nothing', () => {
    for (const code of ['unauthorised', 'version', 'protocol'] as const) {
      const error = new VelarError(code, 'No.');
      assert.deepEqual(after({ kind: 'connected' }, dropped(0, error)), { kind: 'closed', error });
    }
  });

  it('stay closed whatever comes', () => {
    const closed: LinkState = { kind: 'closed', error: null };
    assert.equal(after(closed, { type: 'welcomed' }, dropped(1), { type: 'retry' }), closed);
  });

  it('wait between 50 ms and 5 s, longer after each try', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (attempt, random) => {
          const delay = retryDelayMs(attempt, random);
          assert.ok(delay >= 50 && delay <= 5000);
          assert.ok(retryDelayMs(attempt + 1, random) >= delay);
        },
      ),
    );
  });
});
