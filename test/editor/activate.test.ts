import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { activated } from './support';

describe('the extension in VS Code', () => {
  it('is found under the id that other parts rely on', () => {
    assert.ok(vscode.extensions.getExtension('velar.velar'));
  });

  it('does not hold the editor up when it is activated', async () => {
    const { activationMs } = await activated();
    // The budget is 50 ms on an idle machine; the rest is for one that is busy with something else.
    assert.ok(activationMs < 1000, `activate() took ${activationMs.toFixed(1)} ms`);
  });
});
