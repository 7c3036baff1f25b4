/** Entry of dist/runtime.js: reads the command line, starts the runtime, and ends it in order. */
import './server/memoryFlags';
import { fstatSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { version } from '../package.json';
import { checkDocker } from './engines/docker/check';
import { createDockerEngine } from './engines/docker/dockerEngine';
import type { Engine } from './engines/engine';
import { minorOf, rememberPython, type PythonInterpreter } from './images/python';
import type { EmbeddedReady } from './protocol/embedded';
import { VelarError } from './protocol/errors';
import { createScheduler } from './scheduling/createScheduler';
import { announce } from './server/announce';
import { checkOrigin } from './server/crossOrigin';
import { homePath } from './server/home';
import { embeddedLimits } from './server/lifetime';
import { logLevels, type LogLevel } from './server/logger';
import { startRuntime, type Runtime, type RuntimeStart, type ServiceParts } from './server/runtime';

const DEFAULT_HOST = '127.0.0.1';
/** For a runtime that others pair with: an address that stays the same is worth more than a free one. */
const DEFAULT_SERVE_PORT = 7433;
/** A part that hangs does not keep the process; workers end by their lease. */
const STOP_WITHIN_MS = 20_000;

const USAGE = `runtime.js --embedded | --serve
  --host ADDRESS      where to listen (127.0.0.1); another address than loopback turns TLS on
  --port PORT         0 for any free one (--serve: ${String(DEFAULT_SERVE_PORT)})
  --public-host NAME  another name that clients use for this machine; may be repeated
  --allow-origin URL  a site whose web pages may call endpoints; may be repeated (none)
  --home FOLDER       VELAR_HOME
  --name NAME         how clients see this runtime
  --engine ENGINE     where containers are placed: process, docker (VELAR_ENGINE)
  --json              one JSON object a line on stdout
`;

const OPTIONS = {
  embedded: { type: 'boolean' },
  serve: { type: 'boolean' },
  host: { type: 'string' },
  port: { type: 'string' },
  'public-host': { type: 'string', multiple: true },
  'allow-origin': { type: 'string', multiple: true },
  home: { type: 'string' },
  name: { type: 'string' },
  engine: { type: 'string' },
  json: { type: 'boolean' },
} as const;

type Arguments = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

async function main(): Promise<number> {
  const args = readArguments();
  const interrupted = new AbortController();
  let stop = (reason: string): void => {
    interrupted.abort(new VelarError('cancelled', reason));
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    stop(`signal ${signal}`);
  };
  process.on('SIGTERM', onSignal).on('SIGHUP', onSignal);
  // Ctrl-C reaches the whole terminal group; an embedded runtime ends when whoever uses it has left in order.
  process.on('SIGINT', args.embedded === true ? () => undefined : onSignal);

  const started = await start(args, interrupted.signal);
  if (started.kind === 'joined') return joined(started, args);
  const { runtime } = started;
  stop = (reason) => {
    void stopInTime(runtime, reason);
  };
  const die = (error: unknown): void => {
    const { message, stack } = VelarError.from(error);
    runtime.logger.error('A fault of Velar ended the runtime', { reason: message, stack });
    process.exitCode = 4;
    stop('a fault');
  };
  process.on('uncaughtException', die).on('unhandledRejection', die);
  if (interrupted.signal.aborted) stop('interrupted while starting');
  if (args.embedded === true) {
    followParent(runtime);
    const ready: EmbeddedReady = {
      pid: process.pid,
      url: runtime.server.localUrl,
      token: runtime.ownerToken,
    };
    process.stdout.write(`${JSON.stringify(ready)}\n`);
  } else {
    announce(runtime, args.json === true);
  }
  await runtime.ended;
  return Number(process.exitCode ?? 0);
}

function readArguments(): Arguments {
  try {
    const { values } = parseArgs({ options: OPTIONS, strict: true });
    if ((values.embedded === true) === (values.serve === true)) {
      throw new VelarError('invalid', 'Choose one of --embedded and --serve.');
    }
    return values;
  } catch (error) {
    throw new VelarError('invalid', VelarError.from(error, 'invalid').message, { hint: USAGE });
  }
}

function start(args: Arguments, signal: AbortSignal): Promise<RuntimeStart> {
  const embedded = args.embedded === true;
  const port = Number(args.port ?? (embedded ? 0 : DEFAULT_SERVE_PORT));
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new VelarError('invalid', `${String(args.port)} is no port.`, { hint: USAGE });
  }
  const engine = readEngine(args.engine ?? process.env['VELAR_ENGINE']);
  const python = rememberPython({
    wanted: process.env['VELAR_PYTHON'],
    environment: process.env,
  });
  return startRuntime({
    home: homePath(args.home),
    version,
    host: args.host ?? DEFAULT_HOST,
    port,
    embedded: embedded ? embeddedLimits(process.env) : undefined,
    engine,
    checkEngine: () => checkDocker(process.env, engine === 'docker'),
    signal,
    python,
    logLevel: readLogLevel(process.env['VELAR_LOG_LEVEL']),
    ...(args.name === undefined ? {} : { name: args.name }),
    ...(args['public-host'] === undefined ? {} : { publicHosts: args['public-host'] }),
    origins: (args['allow-origin'] ?? []).map(checkOrigin),
    pageFolder: __dirname,
    createService: async (parts) => {
      const shared = { pythonPackages: join(__dirname, 'python'), environment: process.env };
      const placed =
        engine === 'docker' ? { engine: await dockerEngine(parts, shared, python) } : {};
      return createScheduler({ ...parts, ...shared, ...placed, python });
    },
  });
}

/** Throws as `connectDocker` does, with the remedy. */
function dockerEngine(
  { home, store, logger }: ServiceParts,
  shared: { pythonPackages: string; environment: NodeJS.ProcessEnv },
  python: () => Promise<PythonInterpreter>,
): Promise<Engine> {
  return createDockerEngine({
    ...shared,
    home,
    runtime: store.runtimeId,
    shared: store,
    volumes: store.volumes,
    pythonVersion: async () => minorOf((await python()).version),
    logger,
  });
}

function readEngine(wanted: string | undefined): 'process' | 'docker' {
  if (wanted === undefined || wanted === '' || wanted === 'process') return 'process';
  if (wanted === 'docker') return 'docker';
  throw new VelarError('unsupported', `This runtime has no engine ${wanted}.`, {
    hint: 'Use --engine process or --engine docker.',
  });
}

function readLogLevel(wanted: string | undefined): LogLevel {
  return logLevels.find((level) => level === wanted) ?? 'info';
}

/** Where a runtime has the home already: an embedded one is as good as ours, another is in the way. */
function joined(other: Extract<RuntimeStart, { kind: 'joined' }>, args: Arguments): number {
  const { pid, url } = other.runtime;
  if (args.embedded !== true) {
    throw new VelarError('conflict', `A runtime (process ${String(pid)}) uses this home already.`, {
      hint: 'End it first, or choose another with --home.',
    });
  }
  const ready: EmbeddedReady = { pid, url, token: other.token };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
  return 0;
}

/** A pipe on stdin is held by whoever started the runtime; its end is theirs. */
function followParent(runtime: Runtime): void {
  if (!fstatSync(0).isFIFO() && !fstatSync(0).isSocket()) return;
  process.stdin.on('end', () => {
    runtime.parentEnded();
  });
  process.stdin.on('error', () => {
    runtime.parentEnded();
  });
  process.stdin.resume();
}

async function stopInTime(runtime: Runtime, reason: string): Promise<void> {
  setTimeout(() => {
    process.stderr.write('velar: the runtime did not stop in time\n');
    process.exit(4);
  }, STOP_WITHIN_MS).unref();
  await runtime.stop(reason);
}

main().then(
  (code) => {
    process.exitCode = code;
    // What is left at this point holds nothing of worth; an open handle must not keep the process.
    process.stdout.write('', () => process.exit());
  },
  (error: unknown) => {
    const failure = VelarError.from(error);
    process.stderr.write(`${failure.message}\n${failure.hint ?? ''}\n`);
    process.exitCode = failure.code === 'invalid' ? 2 : failure.code === 'cancelled' ? 130 : 4;
    process.stderr.write('', () => process.exit());
  },
);
