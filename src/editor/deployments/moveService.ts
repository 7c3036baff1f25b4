/** velar.promote and velar.rollback: what changes first, the app's name typed, then the same version moves. */
import * as vscode from 'vscode';
import type { DeployedApp, Environment } from '../../../runtime/protocol/deployments';
import { VelarError } from '../../../runtime/protocol/errors';
import type { ClientConnection } from '../../client/api';
import { startMove, type MoveRequest } from '../../client/deploy';
import { requireTrust, showError } from '../errors';
import type { RunEntry, RunRecords } from '../runs/runRecords';
import type { RuntimeManager } from '../runtimes/runtimeManager';
import { tellServed } from './announce';
import { chooseApp, chooseEnvironment, chooseVersion, namedBy } from './choose';
import type { DiffPages } from './diffPages';
import { followed, tellFailure } from './followed';
import { confirmed } from './moveQuestion';
import { servedBy, versionOf } from './texts';
import { folderWith } from './tryOrigin';
import { openPage } from './versionChanges';

export interface MoveParts {
  readonly records: RunRecords;
  readonly manager: RuntimeManager;
  readonly pages: DiffPages;
  readonly log: vscode.LogOutputChannel;
}

export class MoveService {
  constructor(private readonly parts: MoveParts) {}

  /** Production gets a version that staging serves or has served, unchanged. Throws `not-found`. */
  async promote(argument: unknown): Promise<RunEntry | undefined> {
    requireTrust('Promoting');
    const { connection } = await this.parts.manager.connected();
    const named = namedBy(argument);
    const { apps } = await connection.request('deployment.list', {});
    const app = await chooseApp(apps, named.app, 'Promote to Production');
    if (app === undefined) return undefined;
    const versions = await promotable(connection, app);
    const version =
      named.version ?? (await chooseVersion(app, versions, 'Promote to Production', false));
    if (version === undefined) return undefined;
    const request = {
      app: app.app,
      environment: 'production',
      version,
      action: 'promote',
    } as const;
    return this.move(connection, app, request);
  }

  /** An environment serves an earlier version again. Throws `not-found`. */
  async rollback(argument: unknown): Promise<RunEntry | undefined> {
    requireTrust('Rolling back');
    const { connection } = await this.parts.manager.connected();
    const named = namedBy(argument);
    const { apps } = await connection.request('deployment.list', {});
    const title = 'Roll Back';
    const app = await chooseApp(apps, named.app, title);
    if (app === undefined) return undefined;
    const serving = app.serves
      .map((each) => each.environment)
      .sort()
      .reverse();
    const environment = await chooseEnvironment(named.environment, serving, title);
    if (environment === undefined) return undefined;
    const versions = await earlier(connection, app.app, environment);
    const version =
      named.version !== undefined && versions.includes(named.version)
        ? named.version
        : await chooseVersion(app, versions, `${title} ${environment}`, true);
    if (version === undefined) return undefined;
    return this.move(connection, app, { app: app.app, environment, version, action: 'rollback' });
  }

  private async move(
    connection: ClientConnection,
    app: DeployedApp,
    request: MoveRequest,
  ): Promise<RunEntry | undefined> {
    const { version, environment, action } = request;
    const { pages } = this.parts;
    const diff = await openPage(connection, pages, request);
    const answer = await confirmed(request);
    if (answer === 'code') await pages.showCode(diff);
    if (answer !== 'yes') return undefined;
    const file = versionOf(app, version)?.file ?? '';
    const root = await folderWith(file);
    const entry = this.parts.records.add(startMove(connection, request), {
      uri: vscode.Uri.joinPath(root, file).toString(),
      qualname: `${action} ${environment}`,
      request: {
        root: root.fsPath,
        file,
        qualname: `${action} ${environment}`,
        kind: 'endpoint',
        arguments: { args: [], kwargs: {} },
        cpu: false,
      },
      again: () => this.again(request),
    });
    void this.follow(entry, request);
    return entry;
  }

  /** The same move on the runtime that is selected now. Throws `not-found`. */
  private async again(request: MoveRequest): Promise<RunEntry | undefined> {
    const { connection } = await this.parts.manager.connected();
    const { apps } = await connection.request('deployment.list', {});
    const app = await chooseApp(apps, request.app, request.app);
    return app === undefined ? undefined : this.move(connection, app, request);
  }

  private async follow(entry: RunEntry, { app, action, environment }: MoveRequest): Promise<void> {
    const doing = action === 'promote' ? 'promoting' : 'rolling back';
    try {
      const record = await followed(entry, `Velar: ${doing} ${environment} of ${app}`);
      await tellFailure(`${doing[0]?.toUpperCase() ?? ''}${doing.slice(1)} ${app}`, record);
      await tellServed(record);
    } catch (error) {
      void showError(error, this.parts.log);
    }
  }
}

/** Newest first, without what production serves already. Throws `not-found`. */
async function promotable(connection: ClientConnection, app: DeployedApp): Promise<number[]> {
  const { versions } = await connection.request('deployment.history', {
    app: app.app,
    environment: 'staging',
  });
  const now = servedBy(app, 'production')?.version;
  const others = [...new Set(versions)].filter((version) => version !== now);
  if (others.length > 0) return others;
  throw new VelarError('not-found', `${app.app} has nothing to promote.`, {
    hint:
      now === undefined
        ? 'Deploy it to staging first.'
        : `Production serves version ${String(now)}, as staging does. Deploy a new version to staging first.`,
  });
}

/** What the environment served before, the last first. Throws `not-found`. */
async function earlier(
  connection: ClientConnection,
  app: string,
  environment: Environment,
): Promise<number[]> {
  const { versions } = await connection.request('deployment.history', { app, environment });
  const others = [...new Set(versions)].filter((version) => version !== versions[0]);
  if (others.length > 0) return others;
  throw new VelarError('not-found', `${environment} of ${app} served no other version before.`, {
    hint: 'There is nothing to go back to.',
  });
}
