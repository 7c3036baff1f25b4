/** Secrets of the runtime, set and removed from the editor. A value goes to the runtime and nowhere else. */
import * as vscode from 'vscode';
import { VelarError } from '../../../runtime/protocol/errors';
import type { SecretSummary } from '../../../runtime/protocol/resources';
import {
  secretNameProblem,
  secretSetText,
  secretValuesProblem,
  shortSecretsText,
} from '../../client/secrets';
import type { RuntimeManager } from '../runtimes/runtimeManager';

/** Asks for name, variable and value, and sets them on the runtime that runs go to. */
export async function setSecret(manager: RuntimeManager): Promise<void> {
  const { name: runtime, connection } = await manager.connected();
  const listed = await connection.request('secrets.list', {});
  const secrets = listed.secrets.filter(({ environment }) => environment === undefined);
  const name = await askName(secrets, runtime);
  if (name === undefined) return;
  const known = secrets.find((secret) => secret.name === name)?.variables ?? [];
  const variable = await vscode.window.showInputBox({
    title: `Set Secret ${name} (2/3): variable`,
    prompt:
      known.length === 0
        ? 'Environment variable in which the function finds the value.'
        : `It has ${known.join(', ')}; one of these is replaced, another is added.`,
    placeHolder: 'HF_TOKEN',
    ignoreFocusOut: true,
    validateInput: (text) => secretValuesProblem({ [text.trim()]: '' })?.message,
  });
  if (variable === undefined) return;
  const value = await vscode.window.showInputBox({
    title: `Set Secret ${name} (3/3): value of ${variable.trim()}`,
    prompt: `Kept encrypted on ${runtime}, given to functions that name the secret, never shown again.`,
    password: true,
    ignoreFocusOut: true,
    validateInput: (text) =>
      text === '' ? 'Type the value.' : secretValuesProblem({ [variable.trim()]: text })?.message,
  });
  if (value === undefined) return;
  const values = { [variable.trim()]: value };
  const { secret } = await connection.request('secrets.set', {
    name,
    values,
  });
  const said = `Velar: ${secretSetText(secret)}`;
  const short = shortSecretsText(values);
  if (short === undefined) void vscode.window.showInformationMessage(said);
  else void vscode.window.showWarningMessage(`${said} ${short}`);
}

/** Lets the person pick a secret and, after a yes, removes it. Throws `not-found` where there is none. */
export async function removeSecret(manager: RuntimeManager): Promise<void> {
  const { name: runtime, connection } = await manager.connected();
  const { secrets } = await connection.request('secrets.list', {});
  if (secrets.length === 0) {
    throw new VelarError('not-found', `${runtime} has no secrets.`, {
      hint: 'Velar: Set Secret makes one.',
    });
  }
  const picked = await vscode.window.showQuickPick(secrets.map(itemOf), {
    title: 'Remove Secret',
    placeHolder: `Secrets of ${runtime}`,
  });
  if (picked === undefined) return;
  const { environment } = picked;
  const detail =
    environment === undefined
      ? 'Functions that name it fail from then on.'
      : 'What is deployed there takes the one without environment from then on.';
  const yes = 'Remove';
  const answer = await vscode.window.showWarningMessage(
    `Remove secret ${picked.label}${environment === undefined ? '' : ` of ${environment}`}?`,
    { modal: true, detail },
    yes,
  );
  if (answer !== yes) return;
  await connection.request('secrets.remove', { name: picked.label, environment });
  void vscode.window.showInformationMessage(`Velar: removed ${picked.label}.`);
}

async function askName(
  secrets: readonly SecretSummary[],
  runtime: string,
): Promise<string | undefined> {
  const title = 'Set Secret (1/3): name';
  if (secrets.length > 0) {
    const another = { label: '$(add) Another secret…', description: '' };
    const picked = await vscode.window.showQuickPick([another, ...secrets.map(itemOf)], {
      title,
      placeHolder: `Secrets of ${runtime}`,
      ignoreFocusOut: true,
    });
    if (picked === undefined) return undefined;
    if (picked !== another) return picked.label;
  }
  const name = await vscode.window.showInputBox({
    title,
    prompt: 'As in velar.Secret.from_name(…).',
    placeHolder: 'huggingface',
    ignoreFocusOut: true,
    validateInput: (text) => secretNameProblem(text.trim()),
  });
  return name?.trim();
}

function itemOf({
  name,
  variables,
  environment,
}: SecretSummary): vscode.QuickPickItem & Pick<SecretSummary, 'environment'> {
  const where = environment === undefined ? '' : ` (${environment})`;
  return { label: name, description: `${variables.join(', ')}${where}`, environment };
}
