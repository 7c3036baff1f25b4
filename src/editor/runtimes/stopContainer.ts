/** velar.stopContainer: the one that is named, or one that is picked. */
import * as vscode from 'vscode';
import { VelarError } from '../../../runtime/protocol/errors';
import { plural } from '../../../runtime/protocol/figures';
import type { Container } from '../../../runtime/protocol/methods';
import type { RuntimeManager } from './runtimeManager';
import type { RuntimeModel } from './runtimeModel';

/** Asks first where runs would end with it. Throws `not-found` when it has gone. */
export async function stopContainer(
  manager: RuntimeManager,
  model: RuntimeModel,
  named: string | undefined,
): Promise<void> {
  const container = named ?? (await pick(model.containers));
  if (container === undefined) return;
  const { connection } = await manager.connected();
  // What is shown may lag behind: a call that has just begun counts.
  const { containers } = await connection.request('container.list', {});
  const known = containers.find((each) => each.container === container);
  if (known !== undefined && !(await confirmed(known))) return;
  await connection.request('container.stop', { container });
}

/** A container that is only warm costs a cold start at most: nobody is asked about that. */
async function confirmed({ app, container, runs }: Container): Promise<boolean> {
  if (runs.length === 0) return true;
  const yes = 'Stop Container';
  const answer = await vscode.window.showWarningMessage(
    `Stop the container of ${app}?`,
    {
      modal: true,
      detail: `${plural(runs.length, 'run')} in ${container} would end with it.`,
    },
    yes,
  );
  return answer === yes;
}

async function pick(containers: readonly Container[]): Promise<string | undefined> {
  if (containers.length === 0) throw new VelarError('not-found', 'No container is running.');
  const picked = await vscode.window.showQuickPick(
    containers.map(({ container, app, state, gpu }) => ({
      label: app,
      description: `${state} · ${gpu ?? 'CPU'}`,
      detail: container,
      container,
    })),
    { title: 'Stop Container', placeHolder: 'Which one?' },
  );
  return picked?.container;
}
