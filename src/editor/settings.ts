/** The extension's settings, typed. Read at each use, so that a change takes effect at once. */
import * as vscode from 'vscode';

export type CpuFallback = 'ask' | 'allow' | 'never';

function read<T>(name: string, fallback: T, scope: vscode.Uri | undefined): T {
  return vscode.workspace.getConfiguration('velar', scope ?? null).get(name, fallback);
}

export function codeLensEnabled(scope?: vscode.Uri): boolean {
  return read('codeLens.enabled', true, scope);
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

export function revealPanelOnRun(): boolean {
  return read('panel.revealOnRun', true, undefined);
}

/** Bytes of a bundle over which the person is asked. */
export function bundleConfirmBytes(scope?: vscode.Uri): number {
  return read('bundle.confirmOverMB', 50, scope) * 1024 * 1024;
}

/**
 * The interpreter the person chose: our own setting, else the Python extension's when it names a file.
 * Undefined lets the client look on the path.
 */
export function pythonPath(scope?: vscode.Uri): string | undefined {
  const own = read('pythonPath', '', scope).trim();
  if (own !== '') return own;
  const other = vscode.workspace
    .getConfiguration('python', scope ?? null)
    .get('defaultInterpreterPath', '');
  const folder = scope === undefined ? undefined : vscode.workspace.getWorkspaceFolder(scope);
  const path = other.replaceAll('${workspaceFolder}', folder?.uri.fsPath ?? '').trim();
  // The setting's default is the bare word `python`, and it may hold variables that only its owner knows.
  return path.includes('/') || path.includes('\\')
    ? path.includes('${')
      ? undefined
      : path
    : undefined;
}
