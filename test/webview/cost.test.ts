import assert from 'node:assert/strict';
import { costText } from '../../webview/cost';

describe('the cost in the panel', () => {
  it('says for what a cost was, and where the rate comes from', () => {
    const cost = { type: 'cost' as const, at: 0, seconds: 10.11, gpu: 'L4', usd: 0.00225 };
    const { note, title } = costText({ ...cost, note: 'L4 at $0.80 an hour' });
    assert.equal(note, '10.1 s on L4');
    assert.match(title, /\$0\.80 an hour/);
    assert.equal(costText({ ...cost, gpu: null, usd: 0, note: 'not billed' }).note, 'not billed');
  });
});
