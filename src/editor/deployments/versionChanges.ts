/** velar.showChanges: what a version would change in production, to read. */
import { VelarError } from '../../../runtime/protocol/errors';
import type { ClientConnection } from '../../client/api';
import {
  compareVersions,
  type DiffRequest,
  type FullDiff,
} from '../../client/versions/compareVersions';
import { commands } from '../commandIds';
import type { RuntimeManager } from '../runtimes/runtimeManager';
import { chooseApp, namedBy } from './choose';
import type { DiffPages } from './diffPages';
import { diffText, servedBy } from './texts';

/** Of the version that is named, else of the one that staging serves. Throws `not-found`. */
export async function showChanges(
  manager: RuntimeManager,
  pages: DiffPages,
  argument: unknown,
): Promise<void> {
  const { connection } = await manager.connected();
  const named = namedBy(argument);
  const { apps } = await connection.request('deployment.list', {});
  const app = await chooseApp(apps, named.app, 'Show Changes');
  if (app === undefined) return;
  const version = named.version ?? servedBy(app, 'staging')?.version;
  if (version === undefined) {
    throw new VelarError('not-found', `Staging of ${app.app} serves nothing to compare.`, {
      hint: 'Deploy it to staging first.',
    });
  }
  const environment = named.environment ?? 'production';
  const request: DiffRequest = { app: app.app, environment, version };
  if (typeof argument === 'object' && argument !== null && 'code' in argument) {
    await pages.showCode(await compareVersions(connection, request));
    return;
  }
  const action = environment === 'production' ? 'promote' : 'rollback';
  await openPage(connection, pages, { ...request, action });
}

/** The page, with what can be done about it; gives what it shows. */
export async function openPage(
  connection: ClientConnection,
  pages: DiffPages,
  { action, ...request }: DiffRequest & { action: 'promote' | 'rollback' },
): Promise<FullDiff> {
  const diff = await compareVersions(connection, request);
  const { app, environment, version } = request;
  const verb = action === 'promote' ? 'Promote to production…' : `Roll ${environment} back…`;
  const code = diff.files.some((file) => 'hunks' in file);
  await pages.show({
    title: `${action} ${app} to version ${String(version)}`,
    text: diffText(environment, diff),
    actions: [
      { title: verb, command: commands[action], arguments: [request] },
      ...(code
        ? [
            {
              title: 'Compare code side by side',
              command: commands.showChanges,
              arguments: [{ ...request, code: true }],
            },
          ]
        : []),
    ],
  });
  return diff;
}
