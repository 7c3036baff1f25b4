/** `velar deploy`, `deployments`: versions of apps, what environments serve, and where. */
import type { DeployedApp } from '../../../runtime/protocol/deployments';
import { commitOf } from '../../client/commit';
import { servedOf, startDeploy } from '../../client/deploy';
import { endpointsOf, type Endpoint } from '../../client/endpoints';
import { formatTable } from '../../client/textTable';
import { cliBundler } from '../bundler';
import type { CliContext } from '../context';
import { EXIT, exitCodeOfRun } from '../exitCodes';
import { followRun } from '../followRun';
import { environmentOf } from '../named';
import { withRuntime, type RuntimeOptions } from '../session';
import { resolveApp } from '../target';

interface Options extends RuntimeOptions {
  json: boolean;
}

/** In place of addresses at which nobody answers. */
const ENDS =
  'No runtime was running, and the one of this command ends with it: nothing answers at the endpoints.\n' +
  '→ `velar serve` runs one that stays and serves what is deployed; `velar deployments` then tells the addresses.\n';

export function deploy(
  context: CliContext,
  targetText: string,
  options: Options & { env: string; app?: string; cpu: boolean; yes: boolean },
): Promise<number> {
  const environment = environmentOf(options.env);
  const { root, file, app = options.app } = resolveApp(targetText, context.cwd);
  const { terminal, interrupts } = context;
  return withRuntime(context, options, async (connection, _address, endsWithUs) => {
    const commit = await commitOf(root, interrupts.signal);
    const request = { root, file, app, environment, commit, cpu: options.cpu };
    const handle = startDeploy(connection, cliBundler(context, options.yes), request);
    const preparing = `collecting the files in ${root}`;
    const record = await followRun(context, handle, { json: options.json, preparing });
    const served = servedOf(record);
    if (served === undefined) return exitCodeOfRun(record);
    const { apps } = await connection.request('deployment.list', {});
    const endpoints = endpointsOf(apps, connection.url).filter(
      (each) => each.app === served.app && each.environment === environment,
    );
    if (options.json) {
      const at = Date.now();
      const lines = endpoints.map((each) =>
        JSON.stringify({ type: 'endpoint', at, ...each, stays: !endsWithUs }),
      );
      await terminal.out(lines.map((line) => `${line}\n`).join(''));
    }
    if (endsWithUs) await terminal.err(ENDS);
    else if (!options.json) await terminal.err(`${endpointsText(endpoints)}\n`);
    return exitCodeOfRun(record);
  });
}

export function listDeployments(context: CliContext, options: Options): Promise<number> {
  const { terminal } = context;
  return withRuntime(context, options, async (connection, _address, endsWithUs) => {
    const { apps } = await connection.request('deployment.list', {});
    const endpoints = endpointsOf(apps, connection.url);
    if (options.json) {
      await terminal.out(`${JSON.stringify({ apps, endpoints, stays: !endsWithUs })}\n`);
      return EXIT.done;
    }
    await terminal.out(`${deploymentsText(apps)}\n`);
    if (endpoints.length === 0) return EXIT.done;
    if (endsWithUs) await terminal.err(`\n${ENDS}`);
    else await terminal.out(`\n${endpointsText(endpoints)}\n`);
    return EXIT.done;
  });
}

function endpointsText(endpoints: readonly Endpoint[]): string {
  return formatTable(
    ['APP', 'FUNCTION', 'SERVED BY', 'ADDRESS'],
    endpoints.map(({ app, qualname, environment, address }) => [
      app,
      qualname,
      environment,
      address,
    ]),
  );
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
