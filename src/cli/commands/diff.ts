/** `velar diff`: what changes between two versions, code line by line. */
import { environmentSchema } from '../../../runtime/protocol/deployments';
import type { ClientConnection } from '../../client/api';
import { compareVersions, type DiffRequest } from '../../client/versions/compareVersions';
import { diffJson } from '../../client/versions/diffText';
import type { CliContext } from '../context';
import { EXIT } from '../exitCodes';
import { versionOf } from '../named';
import { paintedDiff } from '../paintedDiff';
import { withRuntime, type RuntimeOptions } from '../session';

/** `from` and `to`: an environment, for what it serves, or the number of a version. */
export function diff(
  context: CliContext,
  app: string,
  options: RuntimeOptions & { json: boolean; from: string; to: string },
): Promise<number> {
  const { terminal, interrupts } = context;
  return withRuntime(context, options, async (connection) => {
    const request = await requestOf(connection, app, options, interrupts.signal);
    const made = await compareVersions(connection, request, interrupts.signal);
    const from = made.from === null ? 'nothing' : `version ${made.from}`;
    await terminal.out(
      options.json
        ? `${JSON.stringify(diffJson(made))}\n`
        : `${app}: from ${from} to version ${made.to}\n${paintedDiff(made, terminal.paint)}`,
    );
    return EXIT.done;
  });
}

async function requestOf(
  connection: ClientConnection,
  app: string,
  { from, to }: { from: string; to: string },
  signal: AbortSignal,
): Promise<DiffRequest> {
  const [before, after] = [from, to].map((each) => environmentSchema.safeParse(each).data);
  const version =
    after === undefined
      ? versionOf(to)
      : (await connection.request('deployment.served', { app, environment: after }, signal)).version
          .version;
  return {
    app,
    environment: before ?? 'production',
    version,
    ...(before === undefined ? { from: versionOf(from) } : {}),
  };
}
