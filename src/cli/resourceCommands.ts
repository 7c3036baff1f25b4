/** Commands on what a runtime keeps: secrets and storage. */
import { Option, type Command } from 'commander';
import { environmentSchema, type Environment } from '../../runtime/protocol/deployments';
import type { CliContext } from './context';

type Finish = (exitCode: number) => void;

interface Common {
  json: boolean;
  runtime?: string;
}

interface SecretOptions extends Common {
  env?: Environment;
}

function environmentOption(): Option {
  const text = 'the one for what is deployed there, in place of the one without';
  return new Option('--env <environment>', text).choices(environmentSchema.options);
}

/** `common` adds the options that most commands take. */
export function addResources(
  program: Command,
  context: CliContext,
  finish: Finish,
  common: (command: Command) => Command,
): void {
  const secrets = program.command('secret').description('values for functions, kept encrypted');
  common(secrets.command('set'))
    .argument('<name>', 'name of the secret, as in Secret.from_name')
    .argument('[variables...]', 'NAME=VALUE, or NAME to be asked for the value or to pipe it in')
    .option('--from-file <file>', 'take the variables of a .env file')
    .addOption(environmentOption())
    .description('set variables of a secret; others that it has stay')
    .action(
      async (name: string, given: string[], options: SecretOptions & { fromFile?: string }) => {
        const { setSecret } = await import('./commands/secrets');
        finish(await setSecret(context, name, given, options));
      },
    );
  common(secrets.command('list', { isDefault: true }))
    .description('list names and variables, never values')
    .action(async (options: Common) => {
      const { listSecrets } = await import('./commands/secrets');
      finish(await listSecrets(context, options));
    });
  common(secrets.command('remove'))
    .argument('<name>', 'name of the secret')
    .option('-y, --yes', 'without being asked', false)
    .addOption(environmentOption())
    .description('remove a secret')
    .action(async (name: string, options: SecretOptions & { yes: boolean }) => {
      const { removeSecret } = await import('./commands/secrets');
      finish(await removeSecret(context, name, options));
    });

  const storage = program.command('storage').description('what lies on the runtime’s disk');
  common(storage.command('list', { isDefault: true }))
    .description('list images, volumes, runs and bundles with their sizes')
    .action(async (options: Common) => {
      const { listStorage } = await import('./commands/storage');
      finish(await listStorage(context, options));
    });
  common(storage.command('remove'))
    .argument('<kind>', 'image, volume, runs or bundles')
    .argument('<name>', 'name in the list')
    .option('-y, --yes', 'without being asked', false)
    .description('remove an image or volume that is not in use, or all old runs or bundles')
    .action(async (kind: string, name: string, options: Common & { yes: boolean }) => {
      const { removeStorage } = await import('./commands/storage');
      finish(await removeStorage(context, kind, name, options));
    });
  common(storage.command('prune'))
    .description('remove what is over the limits now')
    .action(async (options: Common) => {
      const { pruneStorage } = await import('./commands/storage');
      finish(await pruneStorage(context, options));
    });
}
