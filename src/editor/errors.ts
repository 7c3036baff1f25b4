/** How errors reach the person: what happened, why, and buttons for what to do next. */
import * as vscode from 'vscode';
import { VelarError, type ErrorCode } from '../../runtime/protocol/errors';
import { commands } from './commandIds';

interface Remedy {
  readonly label: string;
  readonly command: string;
  readonly arguments?: readonly unknown[];
}

const SHOW_OUTPUT: Remedy = { label: 'Show Output', command: commands.showOutput };
const SELECT: Remedy = { label: 'Select Runtime', command: commands.selectRuntime };

const REMEDIES: Partial<Record<ErrorCode, readonly Remedy[]>> = {
  unauthorised: [{ label: 'Pair Again', command: commands.pair }, SELECT],
  unreachable: [SELECT, SHOW_OUTPUT],
  version: [SELECT],
  untrusted: [{ label: 'Manage Workspace Trust', command: 'workbench.trust.manage' }],
  'python-missing': [
    {
      label: 'Choose Python',
      command: 'workbench.action.openSettings',
      arguments: ['velar.pythonPath'],
    },
  ],
  internal: [SHOW_OUTPUT],
};

/** Says an error and offers what helps. A cancellation says nothing: the person asked for it. */
export async function showError(error: unknown, log: vscode.LogOutputChannel): Promise<void> {
  const known = VelarError.from(error);
  if (known.code === 'cancelled') return;
  log.error(error instanceof Error ? error : String(error));
  const text = known.hint === undefined ? known.message : `${known.message} ${known.hint}`;
  const remedies = REMEDIES[known.code] ?? [];
  const chosen = await vscode.window.showErrorMessage(
    `Velar: ${text}`,
    ...remedies.map(({ label }) => label),
  );
  const remedy = remedies.find(({ label }) => label === chosen);
  if (remedy !== undefined) {
    await vscode.commands.executeCommand(remedy.command, ...(remedy.arguments ?? []));
  }
}

/** Throws `untrusted` in a workspace that the person has not trusted. */
export function requireTrust(what: string): void {
  if (vscode.workspace.isTrusted) return;
  throw new VelarError('untrusted', `${what} is off because this workspace is not trusted.`, {
    hint: 'Trust the workspace if you know where its code comes from.',
  });
}
