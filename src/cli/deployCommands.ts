/** Commands on versions of apps, what environments serve, and the keys of endpoints. */
import { InvalidArgumentError, type Command } from 'commander';
import type { CompareOptions } from './commands/compare';
import type { CliContext } from './context';

type Finish = (exitCode: number) => void;

interface Common {
  json: boolean;
  runtime?: string;
}

/** `common` adds the options that most commands take. */
export function addDeployments(
  program: Command,
  context: CliContext,
  finish: Finish,
  common: (command: Command) => Command,
): void {
  common(program.command('deploy'))
    .argument('<target>', 'path/file.py or module:app')
    .option('--env <environment>', 'staging or production', 'staging')
    .option('--app <name>', 'which app, where the file has several')
    .option('--cpu', 'run GPU functions on CPU where there is no GPU', false)
    .option('-y, --yes', 'send a large bundle without being asked', false)
    .description('make a version of an app, and let an environment serve it once it has come up')
    .action(
      async (
        target: string,
        options: Common & { env: string; app?: string; cpu: boolean; yes: boolean },
      ) => {
        const { deploy } = await import('./commands/deploy');
        finish(await deploy(context, target, options));
      },
    );
  common(program.command('deployments'))
    .description('list versions, and which of them environments serve')
    .action(async (options: Common) => {
      const { listDeployments } = await import('./commands/deploy');
      finish(await listDeployments(context, options));
    });
  common(program.command('diff'))
    .argument('<app>', 'name of the app')
    .option(
      '--from <version>',
      'number of a version, or the environment that serves it',
      'production',
    )
    .option('--to <version>', 'the same', 'staging')
    .description('show what changes: code line by line, image packages, options, GPU, cost')
    .action(async (app: string, options: Common & { from: string; to: string }) => {
      const { diff } = await import('./commands/diff');
      finish(await diff(context, app, options));
    });
  common(program.command('promote'))
    .argument('<app>', 'name of the app')
    .option('--version <number>', 'another version than the one that staging serves')
    .option('-y, --yes', 'without being asked', false)
    .description('let production serve what staging serves, unchanged; what changes is shown first')
    .action(async (app: string, options: Common & { version?: string; yes: boolean }) => {
      const { promote } = await import('./commands/move');
      finish(await promote(context, app, options));
    });
  common(program.command('rollback'))
    .argument('<app>', 'name of the app')
    .option('--env <environment>', 'staging or production', 'production')
    .option('--to <version>', 'a version that it served; without it the one before')
    .option('-y, --yes', 'without being asked', false)
    .description('let an environment serve an earlier version again')
    .action(async (app: string, options: Common & { env: string; to?: string; yes: boolean }) => {
      const { rollback } = await import('./commands/move');
      finish(await rollback(context, app, options));
    });
  common(program.command('undeploy'))
    .argument('<app>', 'name of the app')
    .requiredOption('--env <environment>', 'staging or production')
    .option('-y, --yes', 'without being asked', false)
    .description('take an app out of an environment; its versions stay')
    .action(async (app: string, options: Common & { env: string; yes: boolean }) => {
      const { undeploy } = await import('./commands/undeploy');
      finish(await undeploy(context, app, options));
    });
  common(program.command('protect'))
    .argument('<app>', 'name of the app')
    .option('--off', 'let production take any version again', false)
    .description('let production take promoted versions only')
    .action(async (app: string, options: Common & { off: boolean }) => {
      const { protect } = await import('./commands/move');
      finish(await protect(context, app, options));
    });
  common(program.command('call'))
    .argument('<function>', 'APP.FUNCTION')
    .option('--env <environment>', 'staging or production', 'staging')
    .option('--args <list>', 'positional arguments: a JSON list or a Python literal')
    .option('--kwargs <object>', 'keyword arguments: a JSON object or a Python literal')
    .option('-o, --output <file>', 'save the result, such as an image')
    .description('call a function as an environment serves it')
    .action(
      async (
        target: string,
        options: Common & { env: string; args?: string; kwargs?: string; output?: string },
      ) => {
        const { call } = await import('./commands/call');
        finish(await call(context, target, options));
      },
    );
  common(program.command('compare'))
    .argument('<function>', 'APP.FUNCTION')
    .option('--args <list>', 'positional arguments; may be repeated for more inputs', collected)
    .option('--kwargs <object>', 'keyword arguments; may be repeated for more inputs', collected)
    .option('--instance-args <list>', 'constructor arguments of a method')
    .option('--instance-kwargs <object>', 'constructor keyword arguments of a method')
    .option('--inputs <file>', 'inputs, one JSON list or object a line')
    .option('--calls <number>', 'how often each is called with each input', countOf, 5)
    .option('--tolerance <number>', 'relative deviation of numbers that is equal', partOf, 1e-6)
    .description('call staging and production with the same inputs: results, latency, memory, cost')
    .action(async (target: string, options: CompareOptions) => {
      const { compare } = await import('./commands/compare');
      finish(await compare(context, target, options));
    });

  const keys = program.command('keys').description('what lets HTTP clients call endpoints');
  common(keys.command('list', { isDefault: true }))
    .description('list keys')
    .action(async (options: Common) => {
      const { listKeys } = await import('./commands/keys');
      finish(await listKeys(context, options));
    });
  common(keys.command('create'))
    .argument('<environment>', 'staging or production')
    .option('--name <name>', 'what it is for', 'endpoint key')
    .description('make a key, which is shown this once')
    .action(async (environment: string, options: Common & { name: string }) => {
      const { createKey } = await import('./commands/keys');
      finish(await createKey(context, environment, options));
    });
  common(keys.command('remove'))
    .argument('<key>', 'id of a key')
    .option('-y, --yes', 'without being asked', false)
    .description('refuse whoever uses it')
    .action(async (id: string, options: Common & { yes: boolean }) => {
      const { removeKey } = await import('./commands/keys');
      finish(await removeKey(context, id, options));
    });
}

/** For an option that may be repeated. */
function collected(value: string, before: string[] = []): string[] {
  return [...before, value];
}

function countOf(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 1000) return count;
  throw new InvalidArgumentError('A whole number from 1 to 1000 is needed.');
}

function partOf(text: string): number {
  const part = Number(text);
  if (text.trim() !== '' && part >= 0 && part <= 1) return part;
  throw new InvalidArgumentError('A number from 0 to 1 is needed.');
}
