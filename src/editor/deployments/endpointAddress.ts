/** velar.copyEndpointAddress: the HTTP address of a function in an environment. */
import * as vscode from 'vscode';
import { environmentSchema } from '../../../runtime/protocol/deployments';
import { VelarError } from '../../../runtime/protocol/errors';
import { endpointAddress } from '../../client/deploy';
import type { RuntimeManager } from '../runtimes/runtimeManager';
import type { RuntimeModel } from '../runtimes/runtimeModel';
import { callableNames } from './callable';
import { namedBy } from './choose';
import { servedVersion } from './served';

/** Of what is named; picked where several are meant. Throws `not-found`. */
export async function copyEndpointAddress(
  manager: RuntimeManager,
  model: RuntimeModel,
  argument: unknown,
): Promise<void> {
  await manager.connected();
  const named = namedBy(argument);
  const items = addresses(model).filter(
    ({ of }) =>
      (named.app ?? of.app) === of.app &&
      (named.environment ?? of.environment) === of.environment &&
      (named.qualname ?? of.qualname) === of.qualname,
  );
  if (items.length === 0) {
    throw new VelarError('not-found', 'No environment serves such a function.', {
      hint: 'Deploy it to staging first.',
    });
  }
  const title = 'Copy Endpoint Address';
  const placeHolder = 'Which endpoint?';
  const picked =
    items.length === 1
      ? items[0]
      : await vscode.window.showQuickPick(items, { title, placeHolder });
  if (picked === undefined) return;
  await vscode.env.clipboard.writeText(picked.detail);
  void vscode.window.showInformationMessage(
    `Velar: copied ${picked.detail}. It takes POST with a key of ${picked.of.environment}.`,
  );
}

function addresses({ deployments, url }: RuntimeModel) {
  return deployments.flatMap(({ app }) =>
    environmentSchema.options.flatMap((environment) => {
      const version = servedVersion(deployments, app, environment);
      const names = version === undefined ? [] : callableNames(version);
      return names.map((qualname) => ({
        label: `${app}.${qualname}`,
        description: environment,
        detail: endpointAddress(url, environment, app, qualname),
        of: { app, environment, qualname },
      }));
    }),
  );
}
