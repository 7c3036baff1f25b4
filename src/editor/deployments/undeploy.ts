/** velar.undeploy: takes an app out of an environment, for the app's typed name where that is production. */
import * as vscode from 'vscode';
import type { DeployedApp, Environment } from '../../../runtime/protocol/deployments';
import { VelarError } from '../../../runtime/protocol/errors';
import { requireTrust } from '../errors';
import type { RuntimeManager } from '../runtimes/runtimeManager';
import { chooseApp, chooseEnvironment, namedBy } from './choose';
import { nameProblem, servedBy } from './texts';

/** Of the app and environment that are named, or picked. Throws `not-found`, `conflict`. */
export async function undeploy(manager: RuntimeManager, argument: unknown): Promise<void> {
  requireTrust('Taking down');
  const { connection } = await manager.connected();
  const { apps } = await connection.request('deployment.list', {});
  const named = namedBy(argument);
  const title = 'Take Down';
  const app = await chooseApp(apps, named.app, title);
  if (app === undefined) return;
  const serving = app.serves.map((each) => each.environment).sort();
  if (serving.length === 0) {
    throw new VelarError('not-found', `No environment serves ${app.app}.`, {
      hint: 'There is nothing to take down.',
    });
  }
  const environment = await chooseEnvironment(named.environment, serving.reverse(), title);
  if (environment === undefined || !(await confirmed(app, environment))) return;
  await connection.request('deployment.undeploy', { app: app.app, environment });
  void vscode.window.showInformationMessage(
    `Velar: ${environment} of ${app.app} serves nothing now.`,
  );
}

async function confirmed(app: DeployedApp, environment: Environment): Promise<boolean> {
  const version = String(servedBy(app, environment)?.version ?? '');
  const what = `${environment} of ${app.app}, which serves version ${version}`;
  if (environment === 'production') {
    const typed = await vscode.window.showInputBox({
      title: `Take Down ${app.app}: version ${version} in ${environment}`,
      prompt: `Type ${app.app} to take down ${what}. Its endpoints answer 404 then; its versions stay.`,
      placeHolder: app.app,
      ignoreFocusOut: true,
      validateInput: (text) => nameProblem(text, app.app),
    });
    return typed === app.app;
  }
  const answer = await vscode.window.showWarningMessage(
    `Take down ${what}?`,
    { modal: true, detail: 'Its endpoints answer 404 then; its versions stay.' },
    'Take Down',
  );
  return answer === 'Take Down';
}
