/** How many calls that nobody waits for are kept, and for how long: a real store, a clock of the test. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KEPT_RESULT_MS } from '../../../runtime/deployments/callLimits';
import type { VelarError } from '../../../runtime/protocol/errors';
import type { RunEvent } from '../../../runtime/protocol/events';
import { CallKeeping, type Scope } from '../../../runtime/server/callKeeping';
import { openStore, type Store } from '../../../runtime/store/store';

const SCOPE: Scope = ['staging', 'app', 'f'];

const result = (value: string): RunEvent => ({ type: 'result', at: 0, result: { value } });

function refusal(work: () => unknown): VelarError {
  try {
    work();
  } catch (error) {
    return error as VelarError;
  }
  throw new Error('It was taken.');
}

describe('keeping calls that nobody waits for', () => {
  let home: string;
  let store: Store;
  let now = Date.now();
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'velar-kept-'));
    store = openStore(home, (error) => {
      throw error;
    });
  });
  afterEach(() => {
    store.close();
    rmSync(home, { recursive: true, force: true });
  });
  const keeping = (limits?: { maxCalls: number; maxBytes: number }): CallKeeping =>
    new CallKeeping(store.keptCalls, () => now, limits);

  it('ends a set time after their end, and frees their key', () => {
    const calls = keeping();
    const { run } = calls.begin(SCOPE, 'k', [1]);
    const other = calls.begin(SCOPE, undefined, [1]);
    now += 10 * KEPT_RESULT_MS;
    assert.equal(calls.find(SCOPE, run)?.expiresAt, null, 'it goes on');
    calls.end(run, [result('x')]);
    now += KEPT_RESULT_MS - 1;
    assert.deepEqual(calls.begin(SCOPE, 'k', [1]), { run, isNew: false });
    assert.equal(calls.find(SCOPE, run)?.expiresAt, now + 1);
    now += 1;
    assert.equal(calls.find(SCOPE, run), undefined);
    const next = calls.begin(SCOPE, 'k', [2]);
    assert.ok(next.isNew && next.run !== run);
    assert.ok(calls.find(SCOPE, other.run) !== undefined);
    assert.equal(calls.find(['production', 'app', 'f'], next.run), undefined);
  });

  it('has room for so many, and says when there is some again', () => {
    const calls = keeping({ maxCalls: 2, maxBytes: 1e6 });
    const { run } = calls.begin(SCOPE, undefined, []);
    calls.end(run, []);
    now += 1500;
    calls.begin(SCOPE, 'k', []);
    const { message, hint, details } = refusal(() => calls.begin(SCOPE, undefined, []));
    assert.match(message, /keeps 2 calls for clients already/);
    assert.match(hint ?? '', /DELETE/);
    const retryAfterS = Math.ceil((KEPT_RESULT_MS - 1500) / 1000);
    assert.deepEqual(details, { status: 429, retryAfterS });
    assert.equal(calls.begin(SCOPE, 'k', []).isNew, false, 'it is kept already');
    calls.drop(run);
    assert.ok(calls.begin(SCOPE, undefined, []).isNew);
  });

  it('has room for so many bytes', () => {
    const calls = keeping({ maxCalls: 10, maxBytes: 1000 });
    const { run } = calls.begin(SCOPE, undefined, []);
    calls.end(run, [result('x'.repeat(2_000_000))]);
    assert.equal(store.keptCalls.bytes, 0, 'a result that long is not kept');
    const second = calls.begin(SCOPE, undefined, []).run;
    calls.end(second, [result('x'.repeat(1000))]);
    assert.match(refusal(() => calls.begin(SCOPE, undefined, [])).message, /results of 1000 bytes/);
    now += KEPT_RESULT_MS;
    assert.ok(calls.begin(SCOPE, undefined, []).isNew);
    assert.deepEqual([store.keptCalls.count, store.keptCalls.bytes], [1, 0]);
  });

  it('goes on after a restart, in the order in which they expire', () => {
    const calls = keeping();
    const first = calls.begin(SCOPE, undefined, []).run;
    const second = calls.begin(SCOPE, undefined, []).run;
    const active = calls.begin(SCOPE, 'k', []).run;
    calls.end(second, [result('x')]);
    now += 1000;
    calls.end(first, [result('xy')]);
    const { bytes } = store.keptCalls;
    store.close();
    store = openStore(home, (error) => {
      throw error;
    });
    assert.equal(store.keptCalls.bytes, bytes);
    now += KEPT_RESULT_MS - 1000;
    const again = keeping();
    assert.equal(again.find(SCOPE, second), undefined);
    assert.ok(again.find(SCOPE, first) !== undefined);
    const interrupted = again.find(SCOPE, active)?.expiresAt ?? 0;
    assert.ok(Math.abs(interrupted - Date.now() - KEPT_RESULT_MS) < 60_000);
    assert.equal(again.begin(SCOPE, 'k', []).run, active);
  });
});
