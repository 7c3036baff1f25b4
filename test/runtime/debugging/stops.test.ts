import assert from 'node:assert/strict';
import { Stops } from '../../../runtime/debugging/stops';

const stopped = { type: 'event', event: 'stopped', body: { reason: 'breakpoint' } };
const continued = { type: 'event', event: 'continued' };
const ask = { type: 'request', command: 'next' };
const answer = { type: 'response', command: 'next', success: true };

describe('what stands still in a debugger', () => {
  it('is what stopped, until it goes on', () => {
    const stops = new Stops();
    assert.equal(stops.told(1, stopped), true);
    assert.equal(stops.reason, 'breakpoint');
    assert.equal(stops.told(1, continued), true);
    assert.equal(stops.reason, undefined);
  });

  it('goes on with the answer to a step, though no event says so', () => {
    const stops = new Stops();
    stops.told(1, stopped);
    stops.asked(1, ask);
    assert.equal(stops.told(1, { ...answer, success: false }), false);
    assert.equal(stops.told(1, answer), true);
    assert.equal(stops.reason, undefined);
  });

  it('stays where the answer comes behind the next stop', () => {
    const stops = new Stops();
    stops.told(1, stopped);
    stops.asked(1, ask);
    stops.told(1, stopped);
    assert.equal(stops.told(1, answer), false);
    assert.equal(stops.reason, 'breakpoint');
  });

  it('is one process as long as any does, and none that has left', () => {
    const stops = new Stops();
    stops.told(1, stopped);
    stops.told(2, { ...stopped, body: { reason: 'pause' } });
    stops.told(1, continued);
    assert.equal(stops.reason, 'pause');
    stops.closed(2);
    assert.equal(stops.reason, undefined);
  });
});
