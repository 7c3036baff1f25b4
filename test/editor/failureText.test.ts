import * as assert from 'node:assert/strict';
import type { RunError } from '../../runtime/protocol/values';
import { failureText } from '../../src/editor/diagnostics/failureText';

const failed: RunError = {
  kind: 'image',
  type: 'PipInstallFailed',
  message: 'Installing nosuch failed: No matching distribution found for nosuch',
  traceback: [],
  hint: 'Correct the name.',
};

describe('the diagnostic of a failed run', () => {
  it('shows what the builder printed below message and hint, as plain text', () => {
    const text = [
      'Looking in indexes: https://index.example.com',
      '\u001b[31mERROR: Could not find a version that satisfies nosuch\u001b[0m',
      'ERROR: No matching distribution found for nosuch',
      '',
    ].join('\n');
    assert.deepEqual(failureText({ ...failed, text }).split('\n'), [
      `PipInstallFailed: ${failed.message}`,
      'Correct the name.',
      '',
      'From the log:',
      'Looking in indexes: https://index.example.com',
      'ERROR: Could not find a version that satisfies nosuch',
      'ERROR: No matching distribution found for nosuch',
    ]);
  });

  it('begins with the line that names the error where more follows, and stays short', () => {
    const lines = Array.from({ length: 40 }, (_, index) => `line ${index} ${'x'.repeat(1000)}`);
    lines[5] = 'error: subprocess-exited-with-error';
    const shown = failureText({ ...failed, text: lines.join('\n') })
      .split('\n')
      .slice(4);
    assert.equal(shown[0], 'error: subprocess-exited-with-error');
    assert.equal(shown.length, 13);
    assert.equal(shown.at(-1), '… 23 more in the log');
    assert.ok(shown.every((line) => line.length <= 300));
    lines[5] = 'line 5';
    const last = failureText({ ...failed, text: lines.join('\n') })
      .split('\n')
      .slice(4);
    assert.match(last[0] ?? '', /^line 28 /);
    assert.match(last.at(-1) ?? '', /^line 39 /);
  });

  it('of code that raised says what it raised, and not the traceback again', () => {
    const raised: RunError = {
      kind: 'user',
      type: 'ValueError',
      message: 'no',
      traceback: [],
      text: 'Traceback (most recent call last):',
    };
    assert.equal(failureText(raised), 'ValueError: no');
  });
});
