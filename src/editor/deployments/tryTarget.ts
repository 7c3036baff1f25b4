/** Which deployment, and which of its functions, velar.tryDeployment is about. */
import * as vscode from 'vscode';
import {
  environmentSchema,
  type DeployedApp,
  type Environment,
} from '../../../runtime/protocol/deployments';
import { VelarError } from '../../../runtime/protocol/errors';
import type { TryDeployment, TryTarget } from '../../../runtime/protocol/tryState';
import { deploymentsOf } from './served';

/** What is asked for: where nothing is named, a function is chosen from the form. */
export interface WantedTarget {
  readonly app: string;
  readonly environment: Environment;
  readonly qualname?: string;
}

/** Reads `{app, environment, qualname?}` out of a command's argument; undefined for anything else. */
export function asWantedTarget(argument: unknown): WantedTarget | undefined {
  if (typeof argument !== 'object' || argument === null) return undefined;
  if (!('app' in argument) || !('environment' in argument)) return undefined;
  const environment = environmentSchema.safeParse(argument.environment).data;
  if (typeof argument.app !== 'string' || environment === undefined) return undefined;
  const named = 'qualname' in argument && typeof argument.qualname === 'string';
  return {
    app: argument.app,
    environment,
    ...(named ? { qualname: String(argument.qualname) } : {}),
  };
}

/**
 * The target that is meant; the person picks what is not named, unless there is but one. Undefined when they
 * gave up. Throws `not-found` where nothing is deployed, or not what is named.
 */
export async function findTarget(
  apps: readonly DeployedApp[],
  wanted: WantedTarget | undefined,
): Promise<TryTarget | undefined> {
  const deployments = deploymentsOf(apps).filter(({ functions }) => functions.length > 0);
  if (deployments.length === 0) {
    throw new VelarError('not-found', 'Nothing is deployed on this runtime.', {
      hint: 'Deploy an app first: “Velar: Deploy to Staging”, or `velar deploy FILE`.',
    });
  }
  if (wanted !== undefined) return named(deployments, wanted);
  const deployment = await pickOne(
    deployments,
    ({ app, environment, version }) => ({
      label: app,
      description: `${environment} · version ${String(version)}`,
    }),
    'Which deployment?',
  );
  if (deployment === undefined) return undefined;
  const { app, environment, functions } = deployment;
  const qualname = await pickOne(functions, (label) => ({ label }), 'Which function?');
  return qualname === undefined ? undefined : { app, environment, qualname };
}

function named(
  deployments: readonly TryDeployment[],
  { app, environment, qualname }: WantedTarget,
): TryTarget {
  const deployment = deployments.find(
    (each) => each.app === app && each.environment === environment,
  );
  if (deployment === undefined) {
    throw new VelarError('not-found', `${app} has nothing to call in ${environment}.`, {
      hint:
        environment === 'staging'
          ? 'Deploy it to staging first.'
          : 'Promote a version to production first.',
    });
  }
  const function_ = qualname ?? deployment.functions[0];
  if (function_ === undefined || !deployment.functions.includes(function_)) {
    throw new VelarError(
      'not-found',
      `${environment} of ${app} has no function ${String(qualname)}.`,
      {
        hint: `It has ${deployment.functions.join(', ')}.`,
      },
    );
  }
  return { app, environment, qualname: function_ };
}

async function pickOne<T>(
  items: readonly T[],
  show: (item: T) => vscode.QuickPickItem,
  placeHolder: string,
): Promise<T | undefined> {
  const only = items[0];
  if (items.length === 1) return only;
  const picked = await vscode.window.showQuickPick(
    items.map((item) => ({ ...show(item), item })),
    { title: 'Try Deployment', placeHolder },
  );
  return picked?.item;
}
