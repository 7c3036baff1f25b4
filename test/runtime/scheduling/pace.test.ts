import assert from 'node:assert/strict';
import { Pace } from '../../../runtime/scheduling/pace';

/** Lets `each` end every second from `from` until `to` (in s); the pace at the end, looked at four times a second. */
function paceAfter(
  pace: Pace,
  from: number,
  to: number,
  each: number,
  before: number,
): number | null {
  let found: number | null = null;
  for (let at = from; at <= to; at += 0.25) {
    found = pace.perSecond(at * 1000, before + Math.floor((at - from) * each));
  }
  return found;
}

describe('the pace of a batch', () => {
  it('is unknown until something has ended', () => {
    const pace = new Pace();
    assert.equal(pace.perSecond(1_000, 0), null);
    pace.begin(1_000, 0);
    assert.equal(pace.perSecond(1_000, 0), null);
    assert.equal(pace.perSecond(5_000, 0), null);
    assert.equal(pace.perSecond(6_000, 10), 2);
  });

  it('counts from when the first input was sent, not from when it began to wait', () => {
    const pace = new Pace();
    pace.begin(60_000, 0);
    assert.equal(pace.perSecond(61_000, 4), 4);
    assert.equal(pace.perSecond(62_000, 8), 4);
  });

  it('is that of the last ten seconds: it follows when the work gets slower', () => {
    const pace = new Pace();
    pace.begin(0, 0);
    assert.equal(paceAfter(pace, 0, 30, 20, 0), 20);
    const slower = paceAfter(pace, 30.25, 45, 4, 600);
    assert.ok(slower !== null && Math.abs(slower - 4) < 0.5, String(slower));
  });

  it('looks further back where little ends, and falls while nothing does', () => {
    const pace = new Pace();
    pace.begin(0, 0);
    const slow = paceAfter(pace, 0, 300, 0.1, 0);
    assert.ok(slow !== null && Math.abs(slow - 0.1) < 0.02, String(slow));
    const stalled = pace.perSecond(600_000, 30);
    assert.ok(stalled !== null && stalled < 0.06, String(stalled));
  });

  it('begins anew with the next batch', () => {
    const pace = new Pace();
    pace.begin(0, 0);
    pace.perSecond(1_000, 1_000);
    pace.stop();
    assert.equal(pace.running, false);
    assert.equal(pace.perSecond(50_000, 1_000), null);
    pace.begin(60_000, 1_000);
    assert.equal(pace.perSecond(62_000, 1_010), 5);
  });
});
