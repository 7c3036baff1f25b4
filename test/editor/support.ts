/** What the in-editor tests share: documents, lenses, waiting for events. */
import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { ExtensionApi } from '../../src/extension';

/** The running extension. */
export async function activated(): Promise<ExtensionApi> {
  const extension = vscode.extensions.getExtension<ExtensionApi>('velar.velar');
  assert.ok(extension, 'the extension is not installed');
  return extension.activate();
}

/** A Python document that has no file, shown in an editor. */
export async function untitledPython(content: string): Promise<vscode.TextDocument> {
  const document = await vscode.workspace.openTextDocument({ language: 'python', content });
  const editor = await vscode.window.showTextDocument(document);
  // VS Code may still hold the text of an untitled document that was closed a moment ago.
  if (document.getText() !== content) {
    const all = new vscode.Range(0, 0, document.lineCount, 0);
    assert.ok(await editor.edit((change) => change.replace(all, content)));
  }
  return document;
}

export function workspaceRoot(): vscode.Uri {
  const folder = vscode.workspace.workspaceFolders?.[0];
  assert.ok(folder, 'the tests need a workspace folder');
  return folder.uri;
}

/** Writes a file of the workspace; parents are made. */
export async function writeFile(path: string, content: string): Promise<vscode.Uri> {
  const uri = vscode.Uri.joinPath(workspaceRoot(), path);
  await vscode.workspace.fs.writeFile(uri, Buffer.from(content));
  return uri;
}

export async function openFile(path: string, content: string): Promise<vscode.TextDocument> {
  const document = await vscode.workspace.openTextDocument(await writeFile(path, content));
  await vscode.window.showTextDocument(document);
  return document;
}

export interface SeenLens {
  /** From 0. */
  readonly line: number;
  readonly title: string;
  readonly command: vscode.Command;
}

/** Our lenses, as VS Code gets them, in order. */
export async function lensesOf(document: vscode.TextDocument): Promise<SeenLens[]> {
  const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
    'vscode.executeCodeLensProvider',
    document.uri,
    100,
  );
  return lenses.flatMap(({ range, command }) =>
    command?.command.startsWith('velar.') === true
      ? [{ line: range.start.line, title: command.title.replaceAll('\u00a0', ' '), command }]
      : [],
  );
}

/** Waits until `done` holds, asking again whenever `event` fires. */
export async function until(
  event: vscode.Event<unknown>,
  done: () => boolean,
  what: string,
  timeoutMs = 30_000,
): Promise<void> {
  if (done()) return;
  await new Promise<void>((resolve, reject) => {
    const finish = (act: () => void): void => {
      clearTimeout(timer);
      listening.dispose();
      act();
    };
    const timer = setTimeout(() => {
      finish(() => {
        reject(new Error(`Waited ${String(timeoutMs)} ms for ${what}.`));
      });
    }, timeoutMs);
    const listening = event(() => {
      if (done()) finish(resolve);
    });
  });
}

/** Saves nothing, closes everything. */
export async function closeEditors(): Promise<void> {
  for (const document of vscode.workspace.textDocuments) {
    if (!document.isDirty) continue;
    await vscode.window.showTextDocument(document);
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  }
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
}

/** Asks again, at growing intervals, until it holds: for what VS Code gives no event for. */
export async function eventually(holds: () => Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  for (let pause = 20; !(await holds()); pause = Math.min(pause * 2, 500)) {
    if (Date.now() > end) throw new Error(`Did not hold within ${String(timeoutMs)} ms.`);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
