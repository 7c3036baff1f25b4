/** Attaching: which container is meant, and the wait for its next call. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { VelarError } from '../../../runtime/protocol/errors';
import type { Container } from '../../../runtime/protocol/methods';
import type { ClientConnection, RunHandle } from '../../client/api';
import { awaitDebugCall } from '../../client/debugChannel';
import { attachRun } from '../../client/runs';
import type { RunRecords } from '../runs/runRecords';
import type { AttachConfiguration } from './configuration';

/** The container to attach to; the person picks where it is not clear. Throws `not-found`, `cancelled`. */
export async function chooseContainer(
  { container, function: qualname }: AttachConfiguration,
  containers: readonly Container[],
  records: RunRecords,
): Promise<string> {
  const live = containers.filter(({ state }) => state !== 'stopping');
  if (container !== undefined) {
    if (live.some((each) => each.container === container)) return container;
    throw new VelarError('not-found', `There is no container ${container} on the runtime.`, {
      hint: 'The Velar view lists those that run; leave “container” out to pick one.',
    });
  }
  const ran = new Set(
    records.all.flatMap(({ origin, record }) =>
      origin.qualname === qualname && record.container !== null ? [record.container] : [],
    ),
  );
  const own = live.filter((each) => ran.has(each.container));
  const candidates = own.length > 0 ? own : live;
  const [first] = candidates;
  if (first === undefined) {
    throw new VelarError('not-found', 'No container is running to attach to.', {
      hint: 'Run the function once, or debug it from the lens above it.',
    });
  }
  if (candidates.length === 1) return first.container;
  const picked = await vscode.window.showQuickPick(
    candidates.map((each) => ({
      label: each.app,
      description: `${each.state} · ${each.gpu ?? 'CPU'}`,
      detail: each.container,
    })),
    { title: 'Attach to Container', placeHolder: 'Whose next call should wait for the debugger?' },
  );
  if (picked === undefined) throw new VelarError('cancelled', 'Cancelled.');
  return picked.detail;
}

/** Waits, for as long as the person does, for the next call of a container; gives its run. */
export async function nextCall(
  connection: ClientConnection,
  container: string,
  signal: AbortSignal,
): Promise<RunHandle> {
  const run = await vscode.window.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: `Velar: waiting for the next call of container ${container}`,
      cancellable: true,
    },
    async (_progress, token) => {
      const abort = new AbortController();
      const listening = token.onCancellationRequested(() => abort.abort());
      try {
        return await awaitDebugCall(connection, container, AbortSignal.any([signal, abort.signal]));
      } finally {
        listening.dispose();
      }
    },
  );
  return attachRun(connection, run);
}

/** The workspace folder that has the file of a run that another client may have started. */
export async function folderOf(
  file: string,
  preferred: vscode.WorkspaceFolder | undefined,
): Promise<string> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const roots = [preferred, ...folders].flatMap((folder) => folder?.uri.fsPath ?? []);
  for (const root of roots) {
    if (await exists(join(root, file))) return root;
  }
  throw new VelarError('not-found', `${file} is in no folder of this workspace.`, {
    hint: 'Open the folder with the code that runs in the container.',
  });
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    // The question was whether it is there.
    return false;
  }
}
