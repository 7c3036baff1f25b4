import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';

describe('the extension in VS Code', () => {
  it('is found under the id that other parts rely on', () => {
    assert.ok(vscode.extensions.getExtension('velar.velar'));
  });
});
