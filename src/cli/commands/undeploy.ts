/** `velar undeploy`: takes an app out of an environment. */
import type { CliContext } from '../context';
import { EXIT } from '../exitCodes';
import { withRuntime, type RuntimeOptions } from '../session';
import { environmentOf } from '../named';

/** Production is taken down for the typed name of the app only, or with --yes. */
export function undeploy(
  context: CliContext,
  app: string,
  options: RuntimeOptions & { json: boolean; env: string; yes: boolean },
): Promise<number> {
  const environment = environmentOf(options.env);
  const { terminal, interrupts } = context;
  return withRuntime(context, options, async (connection) => {
    const { version } = await connection.request('deployment.served', { app, environment });
    if (environment === 'production' && !options.yes) {
      const what = `${environment} of ${app}, which serves version ${version.version}`;
      const question = `Type ${app} to take down ${what}: `;
      const answer = await terminal.ask(question, 'Say it with --yes.', interrupts.signal);
      if (answer !== app) {
        await terminal.err(`That is not ${app}; nothing was changed.\n`);
        return EXIT.cancelled;
      }
    }
    await connection.request('deployment.undeploy', { app, environment });
    const text = options.json
      ? JSON.stringify({ app, environment, version: version.version })
      : `${environment} of ${app} serves nothing now; \`velar rollback ${app} --env ${environment}\` brings version ${version.version} back.`;
    await terminal.out(`${text}\n`);
    return EXIT.done;
  });
}
