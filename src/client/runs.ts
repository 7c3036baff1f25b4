/** Starts runs and follows them. */
import type { RunOrigin } from '../../runtime/protocol/activeRuns';
import { VelarError } from '../../runtime/protocol/errors';
import type { RunEvent } from '../../runtime/protocol/events';
import { newRunId } from '../../runtime/protocol/runIds';
import type { RunRecord } from '../../runtime/protocol/runRecord';
import type {
  ClientConnection,
  ClientStream,
  RunHandle,
  RunRequest,
  RuntimeConnection,
  Unsubscribe,
} from './api';
import { BundleUploader, type BundleContent } from './bundleUpload';
import { RunFollower } from './runFollower';

/** Unsaved editor text: from absolute path to content. */
export type Overlay = ReadonlyMap<string, string>;

/** Makes the bundle of a run: see bundle/. */
export interface Bundler {
  build(root: string, file: string, overlay: Overlay, signal: AbortSignal): Promise<BundleContent>;
}

/** The bundle that a run was started from. */
export interface Shipped {
  bundle: string;
  /** Paths of its files, from the root. */
  files: readonly string[];
}

/**
 * What goes on beside a run while it is active, such as a local entrypoint; aborted when the run ends. It calls `going`
 * once it needs this process no more, if ever.
 */
export type RunCompanion = (
  run: string,
  signal: AbortSignal,
  shipped: Shipped,
  going: () => void,
) => Promise<void>;

/** A run that the runtime has begun, and what goes on beside it here. */
interface Begun {
  logStream: number;
  beside?: (run: string, signal: AbortSignal, going: () => void) => Promise<void>;
}

const BUNDLE_TRIES = 3;

/** One uploader a connection, so that each run sends only what changed since the last. */
const uploaders = new WeakMap<ClientConnection, BundleUploader>();

function uploaderOf(connection: ClientConnection): BundleUploader {
  const known = uploaders.get(connection);
  if (known !== undefined) return known;
  const uploader = new BundleUploader(connection);
  uploaders.set(connection, uploader);
  return uploader;
}

/** Starts at once; everything after that is told through the handle. */
export function startRun(
  connection: ClientConnection,
  bundler: Bundler,
  request: RunRequest,
  overlay: Overlay = new Map(),
): RunHandle {
  return startWith(connection, bundler, request, overlay, undefined);
}

/** `startRun` with something that goes on beside the run. */
export function startWith(
  connection: ClientConnection,
  bundler: Bundler,
  request: RunRequest,
  overlay: Overlay,
  companion: RunCompanion | undefined,
): RunHandle {
  const { root, uri, ...target } = request;
  const origin = originOf(root, uri);
  return startBundled(connection, bundler, request, overlay, companion, (run, bundle) =>
    connection.request('run.start', { ...target, run, bundle, origin }),
  );
}

/** Sends the bundle of a file, then starts what is told as a run; `begin` is asked again after a lost session. */
export function startBundled(
  connection: ClientConnection,
  bundler: Bundler,
  { root, file, qualname }: Pick<RunRequest, 'root' | 'file' | 'qualname'>,
  overlay: Overlay,
  companion: RunCompanion | undefined,
  begin: (run: string, bundle: string) => Promise<{ logStream: number }>,
): RunHandle {
  const uploader = uploaderOf(connection);
  const run = newRunId();
  const follower = new RunFollower(run, file, qualname, Date.now());
  return new LiveRun(connection, follower, async (signal) => {
    for (let tries = 1; ; tries += 1) {
      try {
        const content = await bundler.build(root, file, overlay, signal);
        const bundle = await uploader.send(root, content, signal);
        if (signal.aborted) throw new VelarError('cancelled', 'Cancelled.');
        // Not given up by the signal: once asked, the run may exist, and is then cancelled on the runtime.
        const begun = await begin(run, bundle);
        if (companion === undefined) return begun;
        const shipped = { bundle, files: content.files.map(({ path }) => path) };
        return {
          ...begun,
          beside: (id, signalOfRun, going) => companion(id, signalOfRun, shipped, going),
        };
      } catch (error) {
        if (tries === BUNDLE_TRIES || !mendedByAnotherTry(error)) throw error;
        uploader.forget();
      }
    }
  });
}

/** What `startRerun` runs: the inputs that failed in run `of`, with the functions of this file. */
export interface RerunRequest extends Pick<
  RunRequest,
  'root' | 'uri' | 'file' | 'qualname' | 'cpu'
> {
  of: string;
}

/** Runs again the inputs that failed in a run which is over, with the code as it is now. */
export function startRerun(
  connection: ClientConnection,
  bundler: Bundler,
  request: RerunRequest,
  overlay: Overlay = new Map(),
): RunHandle {
  const { of, file, cpu } = request;
  const origin = originOf(request.root, request.uri);
  return startBundled(connection, bundler, request, overlay, undefined, (run, bundle) =>
    connection.request('run.rerun', { run, of, bundle, file, cpu, origin }),
  );
}

function originOf(root: string, uri: string | undefined): RunOrigin {
  return { root, ...(uri === undefined ? {} : { uri }) };
}

/** Starts what is told as a run and needs no files of this machine. */
export function startRemote(
  connection: ClientConnection,
  file: string,
  qualname: string,
  begin: (run: string) => Promise<{ logStream: number }>,
): RunHandle {
  const run = newRunId();
  const follower = new RunFollower(run, file, qualname, Date.now());
  return new LiveRun(connection, follower, async (signal) => {
    if (signal.aborted) throw new VelarError('cancelled', 'Cancelled.');
    return begin(run);
  });
}

/** Files that changed while they were read, blobs that the runtime has dropped, a session that was lost. */
function mendedByAnotherTry(error: unknown): boolean {
  return (
    error instanceof VelarError &&
    (error.code === 'bundle-changed' ||
      error.code === 'bundle-incomplete' ||
      error.code === 'session-lost')
  );
}

/**
 * Follows a run that exists, from the line after `afterSeq`; `known`: what is known of it before the runtime answers.
 * `ended` rejects with `not-found`.
 */
export function attachRun(
  connection: ClientConnection,
  run: string,
  afterSeq = 0,
  known: { file: string; qualname: string; startedAt: number } = {
    file: '',
    qualname: '',
    startedAt: Date.now(),
  },
): RunHandle {
  const follower = new RunFollower(run, known.file, known.qualname, known.startedAt);
  return new LiveRun(connection, follower, async (signal) => {
    const { summary, logStream } = await connection.request(
      'run.attach',
      { run, afterSeq },
      signal,
    );
    follower.describe(summary.file, summary.qualname, summary.startedAt);
    return { logStream };
  });
}

class LiveRun implements RunHandle {
  readonly run: string;
  readonly ended: Promise<RunRecord>;
  readonly detached: Promise<void>;
  private readonly starting = new AbortController();
  private readonly going = new AbortController();
  private readonly started: Promise<unknown>;
  private hasStarted = false;
  /** The stream of output; undefined while none is known, before the start and after a lost session. */
  private log: ClientStream | undefined;
  /** Events that wait for the output in front of them to be used up. */
  private waiting: RunEvent[] = [];
  /** What goes on beside the run has ended. */
  private accompanied: Promise<void> = Promise.resolve();
  private readonly undo: Unsubscribe[] = [];
  private goesOn!: () => void;
  private settle!: { resolve: (record: RunRecord) => void; reject: (error: Error) => void };

  constructor(
    private readonly connection: ClientConnection,
    private readonly follower: RunFollower,
    begin: (signal: AbortSignal) => Promise<Begun>,
  ) {
    this.run = follower.record.run;
    this.ended = new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    this.detached = new Promise((resolve) => {
      this.goesOn = resolve;
    });
    // Whoever has no interest in the end still gets the record; a rejection must not end the process.
    this.ended.catch(() => undefined);
    this.undo.push(
      connection.onRunEvents(this.run, (events) => {
        this.waiting.push(...events);
        this.deliver();
      }),
      connection.onState((state) => {
        if (state.kind === 'closed') this.fail(VelarError.from(state.error ?? closedError()));
      }),
      connection.onNewSession(() => {
        this.attachAgain();
      }),
    );
    const started: Promise<Begun> = begin(this.starting.signal).then((begun) => {
      this.hasStarted = true;
      this.readLog(begun.logStream);
      return begun;
    });
    this.started = started;
    started.then(
      ({ beside }) => {
        if (beside === undefined) this.goesOn();
        else if (!this.going.signal.aborted) this.accompany(beside);
      },
      (error: unknown) => {
        this.failedToStart(VelarError.from(error));
      },
    );
  }

  get record(): RunRecord {
    return this.follower.record;
  }

  isOf(connection: RuntimeConnection): boolean {
    return this.connection === connection;
  }

  onEvents(listener: (events: readonly RunEvent[], record: RunRecord) => void): Unsubscribe {
    return this.follower.onEvents(listener);
  }

  onLog: RunHandle['onLog'] = (listener) => this.follower.onLog(listener);

  onOutput: RunHandle['onOutput'] = (listener) => this.follower.onOutput(listener);

  async cancel(): Promise<void> {
    if (this.record.status !== 'active') return;
    this.starting.abort();
    try {
      await this.started;
    } catch {
      // It ended before it started, which `ended` tells.
      return;
    }
    if (this.record.status !== 'active') return;
    await this.connection.request('run.cancel', { run: this.run });
  }

  /** Hands on events once the output that came before them has been used up, however slow its reader is. */
  private deliver(): void {
    const { log } = this;
    if (log === undefined || this.waiting.length === 0) return;
    if (log.unread) {
      log.onceRead(() => {
        this.deliver();
      });
      return;
    }
    this.apply(this.waiting.splice(0));
  }

  private apply(events: readonly RunEvent[]): void {
    this.follower.applyEvents(events);
    if (this.record.status === 'active') return;
    this.stop();
    void this.accompanied.then(() => {
      this.settle.resolve(this.record);
    });
  }

  private readLog(logStream: number): void {
    const log = this.connection.acceptStream(logStream);
    this.log = log;
    log.onPayload((payload) => {
      if (payload !== null) return this.follower.applyOutput(payload);
    });
    this.deliver();
  }

  /** After a lost session: goes on from the last line. A start on its way repeats itself. */
  private attachAgain(): void {
    this.log = undefined;
    this.waiting = [];
    if (!this.hasStarted) return;
    this.connection
      .request('run.attach', { run: this.run, afterSeq: this.follower.line })
      .then(({ logStream }) => {
        this.readLog(logStream);
      })
      .catch((error: unknown) => {
        // Lost once more: the next session attaches.
        if (error instanceof VelarError && error.code === 'session-lost') return;
        this.fail(VelarError.from(error));
      });
  }

  private accompany(beside: NonNullable<Begun['beside']>): void {
    this.accompanied = beside(this.run, this.going.signal, this.goesOn).catch((error: unknown) => {
      this.fail(VelarError.from(error));
    });
  }

  private failedToStart(error: VelarError): void {
    if (error.code === 'cancelled' && this.starting.signal.aborted) {
      const at = Date.now();
      const ms = at - this.record.startedAt;
      this.apply([
        { type: 'error', at, error: { kind: 'cancelled', message: 'Cancelled.', traceback: [] } },
        { type: 'ended', at, status: 'cancelled', ms, lines: this.follower.line },
      ]);
      return;
    }
    this.fail(error);
  }

  /** The run is lost to us: the record says so and `ended` rejects. */
  private fail(error: VelarError): void {
    if (this.record.status !== 'active') return;
    const at = Date.now();
    this.follower.applyEvents([
      {
        type: 'error',
        at,
        error: {
          kind: 'infrastructure',
          message: error.message,
          traceback: [],
          ...(error.hint === undefined ? {} : { hint: error.hint }),
        },
      },
      {
        type: 'ended',
        at,
        status: 'failed',
        ms: at - this.record.startedAt,
        lines: this.follower.line,
      },
    ]);
    this.stop();
    void this.accompanied.then(() => {
      this.settle.reject(error);
    });
  }

  private stop(): void {
    this.starting.abort();
    this.going.abort();
    for (const undo of this.undo.splice(0)) undo();
  }
}

function closedError(): VelarError {
  return new VelarError('cancelled', 'The connection to the runtime was closed.');
}
