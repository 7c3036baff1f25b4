/** Which file of the workspace a deployed call's tracebacks most likely mean. */
import { homedir } from 'node:os';
import * as vscode from 'vscode';
import type { CallArguments } from '../../../runtime/protocol/values';
import type { RunOrigin } from '../runs/runRecords';
import type { Callable } from './callable';

/** `file`: relative to the root of the bundle that was deployed, from this machine or another. */
export async function originOfCall(
  { fn }: Callable,
  file: string,
  given: { readonly arguments: CallArguments; readonly instance?: CallArguments },
): Promise<RunOrigin> {
  const root = await folderWith(file);
  const { qualname, kind } = fn;
  return {
    uri: vscode.Uri.joinPath(root, file).toString(),
    qualname,
    request: { root: root.fsPath, file, qualname, kind, cpu: false, ...given },
  };
}

/** The workspace folder that has the file, else the first one. */
export async function folderWith(file: string): Promise<vscode.Uri> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  for (const { uri } of folders) {
    try {
      await vscode.workspace.fs.stat(vscode.Uri.joinPath(uri, file));
      return uri;
    } catch {
      // Not in this folder.
    }
  }
  return folders[0]?.uri ?? vscode.Uri.file(homedir());
}
