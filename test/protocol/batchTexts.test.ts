import * as assert from 'node:assert/strict';
import { batchTexts, paceText } from '../../runtime/protocol/batchTexts';
import type { BatchEvent } from '../../runtime/protocol/events';

const batch = (over: Partial<BatchEvent> = {}): BatchEvent => ({
  type: 'batch',
  at: 0,
  done: 128,
  failed: 0,
  cancelled: 0,
  total: 200,
  complete: true,
  perSecond: 41.23,
  leftMs: 1_746,
  cost: { seconds: 3, gpu: 'L4', usd: 0.0123 },
  ...over,
});

describe('what is said of a batch', () => {
  it('is its count, pace, time left and cost while it goes on', () => {
    assert.deepEqual(batchTexts(batch(), true), [
      '128 of 200 inputs',
      '41.2/s',
      'about 2 s left',
      '$0.0123 so far',
    ]);
  });

  it('says that the total and the time left are unknown while inputs are being read', () => {
    const texts = batchTexts(batch({ complete: false, leftMs: null }), true);
    assert.deepEqual(texts.slice(0, 3), [
      '128 of 200 inputs so far',
      '41.2/s',
      'time left unknown',
    ]);
  });

  it('says no pace before one is known, and none once all have ended', () => {
    const early = batchTexts(batch({ done: 0, perSecond: null, leftMs: null }), true);
    assert.deepEqual(early, ['0 of 200 inputs', '$0.0123 so far']);
    const over = batch({ done: 190, failed: 3, cancelled: 7 });
    assert.deepEqual(batchTexts(over, false), ['190 of 200 inputs', '3 failed', '7 given up']);
  });

  it('gives slow work by the minute or the hour', () => {
    const paces = [3127.4, 41.23, 0.5, 0.0014].map(paceText);
    assert.deepEqual(paces, ['3,127/s', '41.2/s', '30.0/min', '5.0/h']);
  });
});
