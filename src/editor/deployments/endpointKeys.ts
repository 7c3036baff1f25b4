/** velar.createEndpointKey and velar.removeEndpointKey: what lets HTTP clients call endpoints. */
import * as vscode from 'vscode';
import { environmentSchema } from '../../../runtime/protocol/deployments';
import { VelarError } from '../../../runtime/protocol/errors';
import type { RuntimeManager } from '../runtimes/runtimeManager';
import { chooseEnvironment, namedBy } from './choose';

/** Makes a key and shows it this once. */
export async function createEndpointKey(manager: RuntimeManager, argument: unknown): Promise<void> {
  const { connection } = await manager.connected();
  const title = 'Create Endpoint Key';
  const named = namedBy(argument).environment;
  const environment = await chooseEnvironment(named, environmentSchema.options, title);
  if (environment === undefined) return;
  const name = await vscode.window.showInputBox({
    title: `${title} for ${environment}`,
    prompt: 'What it is for, so that you know it again.',
    placeHolder: 'web shop',
    ignoreFocusOut: true,
    validateInput: nameProblemOf,
  });
  if (name === undefined) return;
  const { key } = await connection.request('key.create', { environment, name: name.trim() });
  const copy = 'Copy Key';
  const answer = await vscode.window.showInformationMessage(
    `The key “${name.trim()}” for ${environment}, shown this once`,
    { modal: true, detail: `${key}\n\nSend it as Authorization: Bearer KEY.` },
    copy,
  );
  if (answer === copy) await vscode.env.clipboard.writeText(key);
}

/** Lists the keys; after a yes, whoever uses the one that is picked is refused. Throws `not-found`. */
export async function removeEndpointKey(manager: RuntimeManager): Promise<void> {
  const { name: runtime, connection } = await manager.connected();
  const { keys } = await connection.request('key.list', {});
  if (keys.length === 0) {
    throw new VelarError('not-found', `${runtime} has no endpoint keys.`, {
      hint: 'Velar: Create Endpoint Key makes one.',
    });
  }
  const picked = await vscode.window.showQuickPick(
    keys.map(({ id, environment, name, at }) => ({
      label: name,
      description: environment,
      detail: `${id}, made ${new Date(at).toLocaleString()}`,
      id,
    })),
    { title: 'Remove Endpoint Key', placeHolder: `Keys of ${runtime}` },
  );
  if (picked === undefined) return;
  const yes = 'Remove';
  const answer = await vscode.window.showWarningMessage(
    `Remove the key “${picked.label}” of ${picked.description}?`,
    { modal: true, detail: 'Whoever uses it is refused from then on.' },
    yes,
  );
  if (answer !== yes) return;
  await connection.request('key.remove', { id: picked.id });
  void vscode.window.showInformationMessage(`Velar: removed the key “${picked.label}”.`);
}

function nameProblemOf(text: string): string | undefined {
  const { length } = text.trim();
  if (length === 0) return 'Type a name.';
  return length > 200 ? 'A name has up to 200 characters.' : undefined;
}
