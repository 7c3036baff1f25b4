import * as assert from 'node:assert/strict';
import { lastLine, total } from '../../scripts/test/result.mjs';

describe('the last line of npm test', () => {
  it('adds up what passed and failed', () => {
    const sum = total([
      { passed: 2, failed: 0, skipped: [] },
      { passed: 1, failed: 1, skipped: [] },
    ]);
    assert.equal(lastLine(sum), '3 passed, 1 failed');
  });

  it('names skips only where there are some', () => {
    const skipped = [{ title: 'a GPU', reason: 'no GPU on this machine' }];
    assert.equal(
      lastLine(total([{ passed: 1, failed: 0, skipped }])),
      '1 passed, 0 failed, 1 skipped',
    );
  });

  it('counts a skip without a reason as a failure', () => {
    const skipped = [{ title: 'unexplained', reason: undefined }];
    assert.equal(lastLine(total([{ passed: 1, failed: 0, skipped }])), '1 passed, 1 failed');
  });
});
