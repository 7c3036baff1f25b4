/** velar.cancel: the run of a lens, the only one, or one that is picked. */
import * as vscode from 'vscode';
import { formatClock } from '../../../runtime/protocol/figures';
import type { RunRecords } from './runRecords';
import { asReference } from './target';

/** The second click of a double click on "Run on GPU" lands on "Cancel"; it comes within this time, in ms. */
const DOUBLE_CLICK_MS = 500;

interface Cancellable {
  readonly label: string;
  readonly since: number;
  readonly uri: string;
  readonly qualname: string;
  cancel(): Promise<void>;
}

export async function cancelRun(
  records: RunRecords,
  argument: unknown,
  now: () => number = Date.now,
): Promise<void> {
  const reference = asReference(argument);
  const all = cancellables(records);
  if (reference !== undefined) {
    const mine = all.filter(
      ({ uri, qualname }) => uri === reference.uri && qualname === reference.qualname,
    );
    if (mine.some(({ since }) => now() - since < DOUBLE_CLICK_MS)) return;
    await Promise.all(mine.map((each) => each.cancel()));
    return;
  }
  const only = all.length === 1 ? all[0] : await pick(all, now());
  await only?.cancel();
}

function cancellables(records: RunRecords): Cancellable[] {
  const preparing = records.preparations.map((each) => ({
    label: each.qualname,
    since: each.since,
    uri: each.uri,
    qualname: each.qualname,
    cancel: async () => each.abort.abort(),
  }));
  const running = records.active.map((entry) => ({
    label: entry.record.qualname,
    since: entry.record.startedAt,
    uri: entry.origin.uri,
    qualname: entry.origin.qualname,
    cancel: async () => entry.handle.cancel(),
  }));
  return [...preparing, ...running];
}

async function pick(all: readonly Cancellable[], now: number): Promise<Cancellable | undefined> {
  if (all.length === 0) {
    void vscode.window.showInformationMessage('Velar: nothing is running.');
    return undefined;
  }
  const picked = await vscode.window.showQuickPick(
    all.map((each) => ({
      label: each.label,
      description: `${vscode.workspace.asRelativePath(vscode.Uri.parse(each.uri))} · for ${formatClock(now - each.since)}`,
      each,
    })),
    { title: 'Cancel Run' },
  );
  return picked?.each;
}
