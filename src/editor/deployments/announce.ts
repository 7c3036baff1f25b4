/** The message after a deploy or a move, with what comes next. */
import * as vscode from 'vscode';
import { environmentSchema } from '../../../runtime/protocol/deployments';
import type { RunRecord } from '../../../runtime/protocol/runRecord';
import { commands } from '../commandIds';

/** `helloapp version 3 serves staging`, with Try It and Copy Address. Says nothing of what did not succeed. */
export async function tellServed(record: RunRecord): Promise<void> {
  const served = servedOf(record);
  if (served === undefined) return;
  const { app, version, environment } = served;
  const tryIt = 'Try It';
  const copy = 'Copy Address';
  const answer = await vscode.window.showInformationMessage(
    `Velar: ${app} version ${String(version)} serves ${environment}.`,
    tryIt,
    copy,
  );
  const command = answer === tryIt ? commands.tryDeployment : commands.copyEndpointAddress;
  if (answer !== undefined) await vscode.commands.executeCommand(command, { app, environment });
}

/** Reads the runtime's own word on what is served now. */
function servedOf({ status, result }: RunRecord) {
  if (status !== 'succeeded' || result === null || !('value' in result)) return undefined;
  const { value } = result;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const environment = environmentSchema.safeParse(value['environment']).data;
  const { app, version } = value;
  if (typeof app !== 'string' || typeof version !== 'number') return undefined;
  return environment === undefined ? undefined : { app, version, environment };
}
