/** The message after a deploy or a move, with what comes next. */
import * as vscode from 'vscode';
import type { RunRecord } from '../../../runtime/protocol/runRecord';
import { servedOf } from '../../client/deploy';
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
