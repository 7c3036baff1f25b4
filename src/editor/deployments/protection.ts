/** velar.protectProduction and velar.unprotectProduction: whether production takes promoted versions only. */
import * as vscode from 'vscode';
import type { RuntimeManager } from '../runtimes/runtimeManager';
import { chooseApp, namedBy } from './choose';

/** For the app that is named, or one that is picked. Throws `not-found`. */
export async function setProtection(
  manager: RuntimeManager,
  argument: unknown,
  on: boolean,
): Promise<void> {
  const { connection } = await manager.connected();
  const { apps } = await connection.request('deployment.list', {});
  const title = on ? 'Protect Production' : 'Unprotect Production';
  const app = await chooseApp(apps, namedBy(argument).app, title);
  if (app === undefined) return;
  await connection.request('deployment.protect', { app: app.app, on });
  const text = on
    ? `production of ${app.app} takes promoted versions only.`
    : `production of ${app.app} takes any version.`;
  void vscode.window.showInformationMessage(`Velar: ${text}`);
}
