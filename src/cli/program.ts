/** Commands, their options and their help. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { ServeOptions } from './commands/serve';
import { CLIENT, type CliContext } from './context';
import { addCosts } from './costCommands';
import { addDeployments } from './deployCommands';
import { addResources } from './resourceCommands';

const ENGINES = ['process', 'docker'];
const JSON_HELP = 'print JSON';
const RUNTIME_HELP = 'name of a paired runtime, or "local" for the one of this machine';

/** `finish` receives the exit code of the command that ran. Throws CommanderError for wrong usage. */
export function makeProgram(context: CliContext, finish: (exitCode: number) => void): Command {
  const program = new Command('velar')
    .description('Run Python functions on your own GPU.')
    .version(CLIENT.version)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError();

  program
    .command('discover')
    .argument('[path]', 'file or folder', '.')
    .description('list the functions that can be run')
    .option('--json', JSON_HELP, false)
    .action(async (path: string, options: { json: boolean }) => {
      const { discover } = await import('./commands/discover');
      finish(await discover(context, path, options));
    });

  addRun(program, context, finish);
  addRerun(program, context, finish);
  addRuns(program, context, finish);
  addMachine(program, context, finish);
  addRuntimes(program, context, finish);
  addResources(program, context, finish, common);
  addCosts(program, context, finish, common);
  addDeployments(program, context, finish, common);
  return program;
}

/** For an option that may be repeated. */
function collected(value: string, before: string[] = []): string[] {
  return [...before, value];
}

type Finish = (exitCode: number) => void;

interface Common {
  json: boolean;
  runtime?: string;
}

/** `--json` and `--runtime`, which most commands take. */
function common(command: Command): Command {
  return command.option('--json', JSON_HELP, false).option('--runtime <name>', RUNTIME_HELP);
}

function addRun(program: Command, context: CliContext, finish: Finish): void {
  common(program.command('run'))
    .argument('<target>', 'path/file.py::function, path/file.py or module:app')
    .description('run a function, or the local entrypoint of an app')
    .option('--args <list>', 'positional arguments: a JSON list or a Python literal')
    .option('--kwargs <object>', 'keyword arguments: a JSON object or a Python literal')
    .option('--instance-args <list>', 'constructor arguments of a method')
    .option('--instance-kwargs <object>', 'constructor keyword arguments of a method')
    .addOption(new Option('--engine <name>', 'insist on this engine').choices(ENGINES))
    .option('--cpu', 'run a GPU function on CPU where there is no GPU', false)
    .option('-o, --output <file>', 'save the result, such as an image')
    .option('-d, --detach', 'print the id of the run and leave; `velar logs ID` follows it', false)
    .option('-y, --yes', 'send a large bundle without being asked', false)
    .action(async (target: string, options: RunFlags) => {
      const { run } = await import('./commands/run');
      finish(await run(context, target, options));
    });
}

function addRerun(program: Command, context: CliContext, finish: Finish): void {
  common(program.command('rerun'))
    .argument('<run>', 'id of a run that is over')
    .argument('[file]', 'the file with its functions, where that is not where it was')
    .description('run the inputs that failed in a run again, with the code as it is now')
    .option('--cpu', 'run a GPU function on CPU where there is no GPU', false)
    .option('-y, --yes', 'send a large bundle without being asked', false)
    .action(
      async (
        run: string,
        file: string | undefined,
        options: Common & { cpu: boolean; yes: boolean },
      ) => {
        const { rerun } = await import('./commands/rerun');
        finish(await rerun(context, run, file, options));
      },
    );
}

interface RunFlags extends Common {
  args?: string;
  kwargs?: string;
  instanceArgs?: string;
  instanceKwargs?: string;
  engine?: string;
  cpu: boolean;
  output?: string;
  detach: boolean;
  yes: boolean;
}

function addRuns(program: Command, context: CliContext, finish: Finish): void {
  common(program.command('ps'))
    .description('list active runs and containers')
    .option('-a, --all', 'runs that are over, too', false)
    .option('--endpoints', 'calls of endpoints in place of other runs', false)
    .action(async (options: Common & { all: boolean; endpoints: boolean }) => {
      const { ps } = await import('./commands/runs');
      finish(await ps(context, options));
    });
  common(program.command('logs'))
    .argument('<run>', 'id of a run')
    .description('show what a run printed, and follow it while it is active')
    .option('--after <line>', 'begin after this line', wholeNumber, 0)
    .action(async (run: string, options: Common & { after: number }) => {
      const { logs } = await import('./commands/runs');
      finish(await logs(context, run, options));
    });
  common(program.command('stop'))
    .argument('<id>', 'id of a container or run')
    .description('stop a container, or cancel a run')
    .action(async (id: string, options: Common) => {
      const { stop } = await import('./commands/runs');
      finish(await stop(context, id, options));
    });
  common(program.command('cancel'))
    .argument('<id>', 'id of a run')
    .description('cancel a run')
    .action(async (id: string, options: Common) => {
      const { cancel } = await import('./commands/runs');
      finish(await cancel(context, id, options));
    });
  common(program.command('status'))
    .description('show the runtime and what it does now')
    .action(async (options: Common) => {
      const { status } = await import('./commands/runs');
      finish(await status(context, options));
    });
}

function addMachine(program: Command, context: CliContext, finish: Finish): void {
  common(program.command('gpus'))
    .description('list the GPUs of the runtime')
    .action(async (options: Common) => {
      const { gpus } = await import('./commands/machine');
      finish(await gpus(context, options));
    });
  common(program.command('doctor'))
    .description('check that everything needed is there')
    .action(async (options: Common) => {
      const { doctor } = await import('./commands/machine');
      finish(await doctor(context, options));
    });
  program
    .command('serve')
    .description('run a runtime in the foreground, for editors to pair with')
    .option('--host <address>', 'address to listen on; others than loopback use TLS')
    .option('--port <number>', 'port to listen on')
    .option('--name <name>', 'what the runtime is called')
    .addOption(new Option('--engine <name>', 'where containers are placed').choices(ENGINES))
    .option(
      '--allow-origin <origin>',
      'site whose web pages may call endpoints, such as https://app.example; may be repeated',
      collected,
    )
    .option('--json', JSON_HELP, false)
    .action(async (options: ServeOptions) => {
      const { serve } = await import('./commands/serve');
      finish(await serve(context, options));
    });
}

function addRuntimes(program: Command, context: CliContext, finish: Finish): void {
  program
    .command('pair')
    .argument('<address>', 'address that the runtime shows')
    .description('pair with a runtime')
    .option('--code <code>', 'one-time code that the runtime shows')
    .option('--fingerprint <sha256>', "fingerprint of the runtime's certificate, to expect")
    .option('--name <name>', 'what to call it here')
    .option('--json', JSON_HELP, false)
    .action(
      async (
        address: string,
        options: { json: boolean; code?: string; fingerprint?: string; name?: string },
      ) => {
        const { pair } = await import('./commands/pairing');
        finish(await pair(context, address, options));
      },
    );
  const runtimes = program.command('runtimes').description('paired runtimes');
  runtimes
    .command('list', { isDefault: true })
    .description('list them')
    .option('--json', JSON_HELP, false)
    .action(async (options: { json: boolean }) => {
      const { listRuntimes } = await import('./commands/pairing');
      finish(await listRuntimes(context, options));
    });
  runtimes
    .command('use')
    .argument('<name>', RUNTIME_HELP)
    .description('choose where runs go')
    .action(async (name: string) => {
      const { useRuntime } = await import('./commands/pairing');
      finish(await useRuntime(context, name));
    });
  runtimes
    .command('unpair')
    .argument('<name>', 'name of a paired runtime')
    .description('take back what pairing gave')
    .action(async (name: string) => {
      const { unpair } = await import('./commands/pairing');
      finish(await unpair(context, name));
    });
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0) return number;
  throw new InvalidArgumentError('A whole number is needed.');
}
