/** Saves one representation of a run's result to a file of the person's choice. */
import { homedir } from 'node:os';
import * as vscode from 'vscode';
import { VelarError } from '../../../runtime/protocol/errors';
import type { RunRecord } from '../../../runtime/protocol/runRecord';

const EXTENSIONS: Readonly<Record<string, string>> = {
  'application/json': 'json',
  'application/vnd.velar.table+json': 'json',
  'text/plain': 'txt',
  'text/html': 'html',
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/svg+xml': 'svg',
};

/** Binary types are base64 in a bundle. */
const BINARY = new Set(['image/png', 'image/jpeg']);

/** Throws `not-found` when the result has no such representation. */
export async function saveResult(record: RunRecord, mime: string): Promise<void> {
  const bytes = bytesOf(record, mime);
  const extension = EXTENSIONS[mime] ?? 'txt';
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri ?? vscode.Uri.file(homedir());
  const target = await vscode.window.showSaveDialog({
    title: 'Save Result',
    defaultUri: vscode.Uri.joinPath(folder, `${record.qualname}.${extension}`),
  });
  if (target !== undefined) await vscode.workspace.fs.writeFile(target, bytes);
}

function bytesOf({ result, qualname }: RunRecord, mime: string): Uint8Array {
  const data = result === null ? undefined : 'mime' in result ? result.mime[mime] : result.value;
  if (data === undefined) {
    throw new VelarError('not-found', `The result of ${qualname} has nothing of type ${mime}.`);
  }
  if (BINARY.has(mime) && typeof data === 'string') return Buffer.from(data, 'base64');
  return Buffer.from(typeof data === 'string' ? data : `${JSON.stringify(data, null, 2)}\n`);
}
