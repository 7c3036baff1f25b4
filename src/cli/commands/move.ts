/** `velar promote`, `rollback`, `protect`: what environments serve, changed after a look at what that changes. */
import type { Environment } from '../../../runtime/protocol/deployments';
import { VelarError } from '../../../runtime/protocol/errors';
import type { ClientConnection } from '../../client/api';
import { servedNumber } from '../../client/compare/comparer';
import { startMove, type MoveRequest } from '../../client/deploy';
import { compareVersions } from '../../client/versions/compareVersions';
import { diffJson } from '../../client/versions/diffText';
import type { CliContext } from '../context';
import { EXIT } from '../exitCodes';
import { followToExit } from '../followRun';
import { environmentOf, versionOf } from '../named';
import { paintedDiff } from '../paintedDiff';
import { nearMatches } from '../nearMatches';
import { withRuntime, type RuntimeOptions } from '../session';

/** Lines of code in front of a question; `velar diff` shows all of them. */
const ASKED_LINES = 400;

interface Options extends RuntimeOptions {
  json: boolean;
}

export function promote(
  context: CliContext,
  app: string,
  options: Options & { version?: string; yes: boolean },
): Promise<number> {
  return withRuntime(context, options, async (connection) => {
    const given = options.version === undefined ? undefined : versionOf(options.version);
    const served =
      given ??
      (await connection.request('deployment.served', { app, environment: 'staging' })).version
        .version;
    const request: MoveRequest = {
      app,
      environment: 'production',
      version: served,
      action: 'promote',
    };
    return move(context, connection, request, options);
  });
}

export function rollback(
  context: CliContext,
  app: string,
  options: Options & { env: string; to?: string; yes: boolean },
): Promise<number> {
  const environment = environmentOf(options.env);
  return withRuntime(context, options, async (connection) => {
    const version =
      options.to === undefined
        ? await previous(connection, app, environment)
        : versionOf(options.to);
    return move(context, connection, { app, environment, version, action: 'rollback' }, options);
  });
}

export function protect(
  context: CliContext,
  app: string,
  options: Options & { off: boolean },
): Promise<number> {
  return withRuntime(context, options, async (connection) => {
    const on = !options.off;
    try {
      await connection.request('deployment.protect', { app, on });
    } catch (error) {
      if (!(error instanceof VelarError) || error.code !== 'not-found') throw error;
      const { apps } = await connection.request('deployment.list', {});
      const [near] = nearMatches(
        app,
        apps.map((each) => each.app),
      );
      if (near === undefined) throw error;
      const hint = `Did you mean ${near}? ${error.hint ?? ''}`.trim();
      throw new VelarError('not-found', error.message, { hint, cause: error });
    }
    const text = on
      ? `Production of ${app} takes promoted versions only.`
      : `Production of ${app} takes any version.`;
    await context.terminal.out(`${options.json ? JSON.stringify({ app, protected: on }) : text}\n`);
    return EXIT.done;
  });
}

/** Shows what changes, asks for the app's name where production changes, then moves. */
async function move(
  context: CliContext,
  connection: ClientConnection,
  request: MoveRequest,
  options: Options & { yes: boolean },
): Promise<number> {
  const { app, environment, version } = request;
  const { terminal, interrupts } = context;
  const diff = await compareVersions(connection, { app, environment, version }, interrupts.signal);
  const from = diff.from === null ? 'serves nothing' : `serves version ${diff.from}`;
  await terminal.err(
    `${environment} of ${app} ${from}; with version ${version}:\n${paintedDiff(diff, terminal.paint, ASKED_LINES)}`,
  );
  if (options.json) {
    await terminal.out(`${JSON.stringify({ type: 'diff', at: Date.now(), ...diffJson(diff) })}\n`);
  }
  if (!options.yes) {
    const question = `Type ${app} to let ${environment} serve version ${version}: `;
    const answer = await terminal.ask(question, 'Say it with --yes.', interrupts.signal);
    if (answer !== app) {
      await terminal.err(`That is not ${app}; nothing was changed.\n`);
      return EXIT.cancelled;
    }
  }
  return followToExit(context, startMove(connection, request), options, 'asking the runtime');
}

/** What an environment served before what it serves now; the last it served where it serves nothing. */
async function previous(
  connection: ClientConnection,
  app: string,
  environment: Environment,
): Promise<number> {
  const { versions } = await connection.request('deployment.history', { app, environment });
  const { apps } = await connection.request('deployment.list', {});
  const now = servedNumber(apps, app, environment);
  const last = versions.find((version) => version !== now);
  if (last !== undefined) return last;
  throw new VelarError('not-found', `${environment} of ${app} served no other version before.`, {
    hint: 'List what there is with `velar deployments`.',
  });
}
