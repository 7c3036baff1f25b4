/** Where a window keeps which runs it has not seen the end of: a file, since a window that is closed flushes nothing. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type * as vscode from 'vscode';

/** Undefined in a window without a folder: there is nothing that it could be found again by. */
export function unfinishedRunsFile({ storageUri }: vscode.ExtensionContext): string | undefined {
  return storageUri === undefined ? undefined : join(storageUri.fsPath, 'unfinished-runs.json');
}

/** There is none while all runs have ended. */
export function hasUnfinishedRuns(context: vscode.ExtensionContext): boolean {
  const file = unfinishedRunsFile(context);
  return file !== undefined && existsSync(file);
}
