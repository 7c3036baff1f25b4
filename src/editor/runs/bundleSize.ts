/** A large bundle goes only after a yes. */
import * as vscode from 'vscode';
import type { Bundle } from '../../client/bundle/bundle';
import { formatBytes } from '../../../runtime/protocol/figures';
import { bundleConfirmBytes } from '../settings';

/** False when the person would rather not send so much. */
export async function confirmSize(bundle: Bundle, scope: vscode.Uri): Promise<boolean> {
  if (bundle.totalBytes <= bundleConfirmBytes(scope)) return true;
  const largest = [...bundle.files].sort((a, b) => b.size - a.size).slice(0, 5);
  const yes = 'Send';
  const answer = await vscode.window.showWarningMessage(
    `This run would send ${formatBytes(bundle.totalBytes)} in ${String(bundle.files.length)} files.`,
    {
      modal: true,
      detail: [
        'The largest:',
        ...largest.map(({ path, size }) => `${path} (${formatBytes(size)})`),
        '',
        'List files that the function does not need in .velarignore.',
      ].join('\n'),
    },
    yes,
  );
  return answer === yes;
}
