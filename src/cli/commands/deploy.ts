/** `velar deploy`, `deployments`, `promote`, `rollback`, `call`: versions of apps and what environments serve. */
import {
  environmentSchema,
  type DeployedApp,
  type Environment,
} from '../../../runtime/protocol/deployments';
import { VelarError } from '../../../runtime/protocol/errors';
import type { ClientConnection, RunHandle } from '../../client/api';
import { commitOf } from '../../client/commit';
import {
  diffLines,
  startDeploy,
  startDeployedCall,
  startMove,
  type MoveRequest,
} from '../../client/deploy';
import { formatTable } from '../../client/textTable';
import { parseCallArguments } from '../argumentLists';
import { cliBundler } from '../bundler';
import type { CliContext } from '../context';
import { EXIT, exitCodeOfRun } from '../exitCodes';
import { followRun } from '../followRun';
import { withRuntime, type RuntimeOptions } from '../session';
import { resolveApp } from '../target';

interface Options extends RuntimeOptions {
  json: boolean;
}

export function deploy(
  context: CliContext,
  targetText: string,
  options: Options & { env: string; app?: string; cpu: boolean; yes: boolean },
): Promise<number> {
  const environment = environmentOf(options.env);
  const { root, file, app = options.app } = resolveApp(targetText, context.cwd);
  return withRuntime(context, options, async (connection) => {
    const commit = await commitOf(root, context.interrupts.signal);
    const request = { root, file, app, environment, commit, cpu: options.cpu };
    const handle = startDeploy(connection, cliBundler(context, options.yes), request);
    return follow(context, handle, options, `collecting the files in ${root}`);
  });
}

export function listDeployments(context: CliContext, options: Options): Promise<number> {
  return withRuntime(context, options, async (connection) => {
    const { apps } = await connection.request('deployment.list', {});
    const text = options.json ? JSON.stringify({ apps }) : deploymentsText(apps);
    await context.terminal.out(`${text}\n`);
    return EXIT.done;
  });
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
    await connection.request('deployment.protect', { app, on });
    const text = on
      ? `Production of ${app} takes promoted versions only.`
      : `Production of ${app} takes any version.`;
    await context.terminal.out(`${options.json ? JSON.stringify({ app, protected: on }) : text}\n`);
    return EXIT.done;
  });
}

export function call(
  context: CliContext,
  target: string,
  options: Options & { env: string; args?: string; kwargs?: string; output?: string },
): Promise<number> {
  const environment = environmentOf(options.env);
  const dot = target.indexOf('.');
  if (dot <= 0) {
    throw new VelarError('invalid', `${JSON.stringify(target)} names no function of an app.`, {
      hint: 'Write APP.FUNCTION, as in `velar call demo.hello`.',
    });
  }
  const given = parseCallArguments(options.args, options.kwargs, {
    args: '--args',
    kwargs: '--kwargs',
  });
  return withRuntime(context, options, (connection) => {
    const [app, qualname] = [target.slice(0, dot), target.slice(dot + 1)];
    const handle = startDeployedCall(connection, { app, environment, qualname, arguments: given });
    return follow(context, handle, options, `calling ${target} in ${environment}`);
  });
}

async function follow(
  context: CliContext,
  handle: RunHandle,
  { json, output }: { json: boolean; output?: string },
  preparing: string,
): Promise<number> {
  const record = await followRun(context, handle, {
    json,
    preparing,
    ...(output === undefined ? {} : { output }),
  });
  return exitCodeOfRun(record);
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
  const diff = await connection.request('deployment.diff', { app, environment, version });
  const from = diff.from === null ? 'serves nothing' : `serves version ${diff.from}`;
  const lines = diffLines(diff).map((line) => `  ${line}\n`);
  await terminal.err(
    `${environment} of ${app} ${from}; with version ${version}:\n${lines.join('')}`,
  );
  if (!options.yes) {
    const question = `Type ${app} to let ${environment} serve version ${version}: `;
    const answer = await terminal.ask(question, 'Say it with --yes.', interrupts.signal);
    if (answer !== app) {
      await terminal.err(`That is not ${app}; nothing was changed.\n`);
      return EXIT.cancelled;
    }
  }
  return follow(context, startMove(connection, request), options, 'asking the runtime');
}

/** What an environment served before what it serves now; the last it served where it serves nothing. */
async function previous(
  connection: ClientConnection,
  app: string,
  environment: Environment,
): Promise<number> {
  const { versions } = await connection.request('deployment.history', { app, environment });
  const { apps } = await connection.request('deployment.list', {});
  const now = apps
    .find((each) => each.app === app)
    ?.serves.find((each) => each.environment === environment)?.version;
  const last = versions.find((version) => version !== now);
  if (last !== undefined) return last;
  throw new VelarError('not-found', `${environment} of ${app} served no other version before.`, {
    hint: 'List what there is with `velar deployments`.',
  });
}

function deploymentsText(apps: readonly DeployedApp[]): string {
  if (apps.length === 0) return 'Nothing is deployed. Deploy with `velar deploy FILE`.';
  const rows = apps.flatMap(({ app, serves, versions, protected: guarded }) =>
    versions.map(({ version, at, by, commit, functions }) => {
      const where = serves
        .filter((each) => each.version === version)
        .map(({ environment }) =>
          environment === 'production' && guarded ? 'production (protected)' : environment,
        );
      const code =
        commit === null ? '-' : `${commit.hash.slice(0, 8)}${commit.clean ? '' : ' + changes'}`;
      const names = functions.map(({ qualname }) => qualname).join(', ');
      return [
        app,
        String(version),
        where.join(', ') || '-',
        new Date(at).toLocaleString(),
        by,
        code,
        names,
      ];
    }),
  );
  return formatTable(
    ['APP', 'VERSION', 'SERVED BY', 'DEPLOYED', 'BY', 'COMMIT', 'FUNCTIONS'],
    rows,
  );
}

export function environmentOf(given: string): Environment {
  const environment = environmentSchema.safeParse(given);
  if (environment.success) return environment.data;
  throw new VelarError('invalid', `${JSON.stringify(given)} is no environment.`, {
    hint: 'Choose staging or production.',
  });
}

function versionOf(given: string): number {
  const version = Number(given.replace(/^v/, ''));
  if (Number.isInteger(version) && version > 0) return version;
  throw new VelarError('invalid', `${JSON.stringify(given)} is no version.`, {
    hint: 'Give a number that `velar deployments` lists.',
  });
}
