/** A deploy or a move on its way: progress by phase with a way to cancel, then what came of it. */
import * as vscode from 'vscode';
import { currentPhase, type RunRecord } from '../../../runtime/protocol/runRecord';
import { commands } from '../commandIds';
import type { RunEntry } from '../runs/runRecords';

/** Shows progress until the end. Throws what kept the run from starting. */
export async function followed({ handle }: RunEntry, title: string): Promise<RunRecord> {
  const location = vscode.ProgressLocation.Notification;
  return vscode.window.withProgress(
    { location, title, cancellable: true },
    async (progress, token) => {
      const cancelling = token.onCancellationRequested(() => void handle.cancel());
      const off = handle.onEvents((_events, record) => {
        progress.report({ message: phaseText(record) });
      });
      try {
        return await handle.ended;
      } finally {
        cancelling.dispose();
        off();
      }
    },
  );
}

/** Says why it failed and what to do; a cancellation is what the person asked for. */
export async function tellFailure(what: string, { error }: RunRecord): Promise<void> {
  if (error === null || error.kind === 'cancelled') return;
  const hint = error.hint ?? 'Nothing was changed: what was served is served still.';
  const open = 'Open Panel';
  const answer = await vscode.window.showErrorMessage(
    `Velar: ${what} failed: ${error.message} ${hint}`,
    open,
  );
  if (answer === open) await vscode.commands.executeCommand(commands.openPanel);
}

function phaseText(record: RunRecord): string {
  const phase = currentPhase(record);
  if (phase === undefined) return 'finishing';
  return phase.detail === null ? phase.phase : `${phase.phase}: ${phase.detail}`;
}
