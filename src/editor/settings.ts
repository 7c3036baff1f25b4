/** The extension's settings, typed. Read at each use, so that a change takes effect at once. */
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import * as vscode from 'vscode';

export type CpuFallback = 'ask' | 'allow' | 'never';

function read<T>(name: string, fallback: T, scope: vscode.Uri | undefined): T {
  return vscode.workspace.getConfiguration('velar', scope ?? null).get(name, fallback);
}

export function codeLensEnabled(scope?: vscode.Uri): boolean {
  return read('codeLens.enabled', true, scope);
}

export function inlineOutput(scope?: vscode.Uri): boolean {
  return read('inlineOutput', true, scope);
}

export function cpuFallback(scope?: vscode.Uri): CpuFallback {
  return read<CpuFallback>('cpuFallback', 'ask', scope);
}

/** Remembers the choice for the workspace, or for the person where no folder is open. */
export async function allowCpuFallback(): Promise<void> {
  const target =
    vscode.workspace.workspaceFolders === undefined
      ? vscode.ConfigurationTarget.Global
      : vscode.ConfigurationTarget.Workspace;
  await vscode.workspace.getConfiguration('velar').update('cpuFallback', 'allow', target);
}

/** Where the runtime of this machine places containers; undefined for its own default. */
export function engine(): 'docker' | undefined {
  return read<string>('engine', 'process', undefined) === 'docker' ? 'docker' : undefined;
}

export function revealPanelOnRun(): boolean {
  return read('panel.revealOnRun', true, undefined);
}

/** Bytes of a bundle over which the person is asked. */
export function bundleConfirmBytes(scope?: vscode.Uri): number {
  return read('bundle.confirmOverMB', 50, scope) * 1_000_000;
}

/**
 * The interpreter the person chose: our own setting, else the Python extension's when it names a file.
 * Undefined lets the client look on the path. Relative paths start at the scope's workspace folder, the
 * first one where there is no scope.
 */
export function pythonPath(scope?: vscode.Uri): string | undefined {
  const own = read('pythonPath', '', scope).trim();
  if (own !== '') return inFolder(own, scope);
  const other = vscode.workspace
    .getConfiguration('python', scope ?? null)
    .get('defaultInterpreterPath', '')
    .trim();
  // The setting's default is the bare word `python`, which says nothing.
  return /[\\/]/.test(other) ? inFolder(other, scope) : undefined;
}

/** Undefined for a path with variables that only their owner can fill in. */
function inFolder(path: string, scope: vscode.Uri | undefined): string | undefined {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const own = scope === undefined ? undefined : vscode.workspace.getWorkspaceFolder(scope);
  const folder = (own ?? folders[0])?.uri.fsPath ?? homedir();
  const filled = path.replaceAll('${workspaceFolder}', folder).replace(/^~(?=[\\/])/, homedir());
  return filled.includes('${') ? undefined : resolve(folder, filled);
}
