/** A whole runtime on one home: lock, store, scheduling, server; and its orderly end. */
import { hostname } from 'node:os';
import { VelarError } from '../protocol/errors';
import type { Check, RuntimeInfo } from '../protocol/methods';
import type { RunService } from '../scheduling/service';
import { openStore, type Store } from '../store/store';
import { runDoctor } from './doctor';
import { Home, type RuntimeFile } from './home';
import { Lifetime, type LifetimeLimits } from './lifetime';
import { FileLogger, type Logger, type LogLevel } from './logger';
import { newToken } from './pairing';
import { isLoopbackHost, startServer, type Server } from './server';
import { ensureCertificate, type TlsIdentity } from './tls';

/** What scheduling is made of. */
export interface ServiceParts {
  store: Store;
  /** VELAR_HOME. */
  home: string;
  logger: Logger;
}

export interface RuntimeOptions {
  /** VELAR_HOME. */
  home: string;
  version: string;
  /** Shown to clients. */
  name?: string;
  host: string;
  /** 0 lets the system choose. */
  port: number;
  publicHosts?: readonly string[];
  /** Whose web pages may call endpoints; nobody's by default. */
  origins?: readonly string[];
  /** Where the parts of the page to try a function are. */
  pageFolder: string;
  logLevel?: LogLevel;
  /** Of one that ends by itself when nobody needs it. */
  embedded: LifetimeLimits | undefined;
  /** Where containers are placed, for clients to know. */
  engine: RuntimeInfo['engine'];
  /** Whether containers can be placed, for `velar doctor`. Never rejects. */
  checkEngine: () => Promise<Check>;
  createService: (parts: ServiceParts) => Promise<RunService>;
  /** The interpreter for functions; rejects with `python-missing`. */
  python: () => Promise<NonNullable<RuntimeInfo['python']>>;
  /** The home's lock is waited for, while it changes hands, until this is aborted. */
  signal: AbortSignal;
}

export type RuntimeStart =
  | { kind: 'running'; runtime: Runtime }
  /** Another runtime has the home; this is how to reach it. */
  | { kind: 'joined'; runtime: RuntimeFile; token: string };

/** Starts the runtime, or finds the one that has the home. Throws as Home, Database and Server do. */
export async function startRuntime(options: RuntimeOptions): Promise<RuntimeStart> {
  const home = Home.prepare(options.home);
  while (!home.acquire()) {
    const found = await home.waitForRunning(options.signal);
    if (found !== undefined) return { kind: 'joined', ...found };
  }
  const undo: (() => void | Promise<void>)[] = [
    () => {
      home.release();
    },
  ];
  try {
    return { kind: 'running', runtime: await build(home, options, undo) };
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }
}

export class Runtime {
  private stopping: Promise<void> | undefined;
  private readonly done: Promise<string>;
  private finish: (reason: string) => void = () => undefined;

  /** @internal made by startRuntime */
  constructor(
    readonly server: Server,
    readonly ownerToken: string,
    readonly tls: TlsIdentity | undefined,
    readonly logger: Logger,
    private readonly lifetime: Lifetime | undefined,
    private readonly steps: (() => void | Promise<void>)[],
  ) {
    this.done = new Promise((resolve) => {
      this.finish = resolve;
    });
  }

  /** Resolves, with the reason, once the runtime has ended and nothing that it started is left. */
  get ended(): Promise<string> {
    return this.done;
  }

  /** Whoever started this runtime is gone; see lifetime.ts. */
  parentEnded(): void {
    this.lifetime?.parentEnded();
  }

  /** Ends it: clients are told, containers end, the store is closed, the home is free. */
  stop(reason: string): Promise<void> {
    this.stopping ??= this.stopSteps(reason);
    return this.stopping;
  }

  private async stopSteps(reason: string): Promise<void> {
    this.logger.info('Stopping', { reason });
    this.lifetime?.stop();
    for (const step of this.steps.toReversed()) {
      try {
        await step();
      } catch (error) {
        // One part that fails to stop must not keep the others going.
        const failure = VelarError.from(error);
        this.logger.error('A part did not stop well', { reason: failure.message });
      }
    }
    this.finish(reason);
  }
}

async function build(
  home: Home,
  options: RuntimeOptions,
  undo: (() => void | Promise<void>)[],
): Promise<Runtime> {
  const logger = new FileLogger(home.logFile, options.logLevel);
  undo.push(() => {
    logger.close();
  });
  const store = openStore(home.path, (error) => {
    logger.error('The store was not written', { reason: error.message });
  });
  undo.push(() => {
    store.close();
  });
  const imported = store.importedSecrets;
  if (imported !== undefined && 'problem' in imported) logger.warn(imported.problem);
  else if (imported !== undefined) {
    logger.info('Secrets of secrets.json are encrypted now; the file is removed', {
      names: imported.names.join(' '),
    });
  }
  for (const { run } of store.interrupted) logger.warn('Run was interrupted', { run });

  const tls = isLoopbackHost(options.host)
    ? undefined
    : ensureCertificate(home.tlsFolder, [options.host, ...(options.publicHosts ?? []), hostname()]);
  const service = await options.createService({ store, home: home.path, logger });
  undo.push(() => service.dispose());

  const state: { lifetime?: Lifetime; runtime?: Runtime } = {};
  const ownerToken = newToken();
  const name = options.name ?? hostname();
  const startedAt = Date.now();
  const server = await startServer({
    host: options.host,
    port: options.port,
    publicHosts: options.publicHosts ?? [],
    origins: options.origins ?? [],
    pageFolder: options.pageFolder,
    tls,
    ownerToken,
    runtime: { id: store.runtimeId, name, version: options.version },
    service,
    store,
    logger,
    info: async () => {
      const { gpus, note } = service.gpus();
      return {
        id: store.runtimeId,
        name,
        version: options.version,
        engine: options.engine,
        pid: process.pid,
        startedAt,
        platform: `${process.platform}-${process.arch}`,
        python: await options.python().catch(() => null),
        gpus,
        gpuNote: note,
      };
    },
    doctor: (url) =>
      runDoctor({
        home: home.path,
        url,
        storeFailure: store.database.lastFailure,
        python: options.python,
        gpus: () => service.readGpus(),
        engine: options.checkEngine,
      }),
    release: () => state.lifetime?.release() ?? false,
    onClients: (clients) => state.lifetime?.clients(clients),
  });
  undo.push(() => server.close());

  if (options.embedded !== undefined) {
    const lifetime = new Lifetime(
      options.embedded,
      (reason) => {
        void state.runtime?.stop(reason);
      },
      (message) => logger.info(message),
    );
    state.lifetime = lifetime;
    undo.push(service.onActiveRuns((active) => lifetime.runs(active)));
  }
  const { localUrl: url, port } = server;
  home.publish({ url, port, version: options.version, token: ownerToken });
  undo.push(() => {
    home.retract();
  });
  // An embedded runtime comes and goes with its client, who may have come for something else.
  if (options.embedded === undefined) service.keepServing();
  logger.info('Started', { url: server.url, version: options.version, pid: process.pid });
  state.runtime = new Runtime(server, ownerToken, tls, logger, state.lifetime, undo);
  return state.runtime;
}
