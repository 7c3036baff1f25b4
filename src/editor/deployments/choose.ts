/** Which app, environment or version a command is about: from its argument, else picked. */
import * as vscode from 'vscode';
import {
  environmentSchema,
  type DeployedApp,
  type Environment,
} from '../../../runtime/protocol/deployments';
import { VelarError } from '../../../runtime/protocol/errors';
import { environmentsOf, servedBy, versionOf, versionText } from './texts';

/** What an argument names, as rows of the tree have it. */
export interface Named {
  readonly app?: string;
  readonly environment?: Environment;
  readonly version?: number;
  readonly qualname?: string;
}

/** Reads it out of a command's argument; what is not there is not named. */
export function namedBy(argument: unknown): Named {
  if (typeof argument !== 'object' || argument === null) return {};
  const of = argument as Record<string, unknown>;
  const environment = environmentSchema.safeParse(of['environment']).data;
  return {
    ...(typeof of['app'] === 'string' ? { app: of['app'] } : {}),
    ...(environment === undefined ? {} : { environment }),
    ...(typeof of['version'] === 'number' ? { version: of['version'] } : {}),
    ...(typeof of['qualname'] === 'string' ? { qualname: of['qualname'] } : {}),
  };
}

/** The app of the name, the only one, or one that is picked. Throws `not-found`. */
export async function chooseApp(
  apps: readonly DeployedApp[],
  name: string | undefined,
  title: string,
): Promise<DeployedApp | undefined> {
  if (apps.length === 0) {
    throw new VelarError('not-found', 'Nothing is deployed on this runtime.', {
      hint: 'Click “Deploy to staging” above a function first.',
    });
  }
  if (name !== undefined) {
    const found = apps.find(({ app }) => app === name);
    if (found !== undefined) return found;
    throw new VelarError('not-found', `${name} is not deployed on this runtime.`, {
      hint: 'Deploy it to staging first.',
    });
  }
  if (apps.length === 1) return apps[0];
  const items = apps.map((each) => ({
    label: each.app,
    description: environmentSchema.options
      .map((environment) => `${environment}: ${servedNumber(each, environment)}`)
      .join(' · '),
    each,
  }));
  const picked = await vscode.window.showQuickPick(items, { title, placeHolder: 'Which app?' });
  return picked?.each;
}

export async function chooseEnvironment(
  named: Environment | undefined,
  among: readonly Environment[],
  title: string,
): Promise<Environment | undefined> {
  if (named !== undefined) return named;
  if (among.length === 1) return among[0];
  const items = among.map((environment) => ({ label: environment, environment }));
  const placeHolder = 'Which environment?';
  return (await vscode.window.showQuickPick(items, { title, placeHolder }))?.environment;
}

/** One of the versions with these numbers; asked for where there are several, or always. */
export async function chooseVersion(
  app: DeployedApp,
  numbers: readonly number[],
  title: string,
  always: boolean,
): Promise<number | undefined> {
  if (numbers.length === 1 && !always) return numbers[0];
  const items = numbers.map((number) => {
    const version = versionOf(app, number);
    return {
      label: `version ${String(number)}`,
      description: environmentsOf(app, number)
        .map((each) => `in ${each}`)
        .join(', '),
      detail: version === undefined ? '' : versionText(version),
      number,
    };
  });
  const placeHolder = `Which version of ${app.app}?`;
  return (await vscode.window.showQuickPick(items, { title, placeHolder }))?.number;
}

function servedNumber(app: DeployedApp, environment: Environment): string {
  const served = servedBy(app, environment);
  return served === undefined ? 'serves nothing' : `version ${String(served.version)}`;
}
