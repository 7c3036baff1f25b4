import * as assert from 'node:assert/strict';
import { closingLines, lastLine, total, type Failure } from '../../scripts/test/result.mjs';

const FAILED: Failure = {
  title: 'a queue keeps order',
  reason: `AssertionError: 1 != 2\n${'    at somewhere\n'.repeat(30)}`,
};

describe('the last line of npm test', () => {
  it('adds up what passed and failed', () => {
    const sum = total([
      { passed: 2, failures: [], skipped: [] },
      { passed: 1, failures: [FAILED], skipped: [] },
    ]);
    assert.equal(lastLine(sum), '3 passed, 1 failed');
  });

  it('names skips only where there are some', () => {
    const skipped = [{ title: 'a GPU', reason: 'no GPU on this machine' }];
    assert.equal(
      lastLine(total([{ passed: 1, failures: [], skipped }])),
      '1 passed, 0 failed, 1 skipped',
    );
  });

  it('counts a skip without a reason as a failure', () => {
    const skipped = [{ title: 'unexplained', reason: undefined }];
    assert.equal(lastLine(total([{ passed: 1, failures: [], skipped }])), '1 passed, 1 failed');
  });
});

describe('the end of npm test', () => {
  it('says again what failed and why, in few lines, and what was skipped', () => {
    const skipped = [{ title: 'a GPU', reason: 'no GPU on this machine' }];
    const lines = closingLines(total([{ passed: 1, failures: [FAILED], skipped }]));
    assert.deepEqual(lines.slice(0, 6), [
      '',
      'Skipped:',
      '- a GPU: no GPU on this machine',
      '',
      'Failed:',
      '- a queue keeps order',
    ]);
    assert.equal(lines[6], '    AssertionError: 1 != 2');
    assert.ok(lines.length < 25);
  });

  it('says nothing where all passed', () => {
    assert.deepEqual(closingLines(total([{ passed: 3, failures: [], skipped: [] }])), []);
  });
});
