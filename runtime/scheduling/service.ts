/** What the server asks of scheduling: the seam between sockets and runs. Types only. */
import type { Duplex } from 'node:stream';
import type {
  DeployedApp,
  DeployedFunction,
  EndpointKey,
  Environment,
  Version,
  VersionDiff,
  VersionFile,
} from '../protocol/deployments';
import type { ActiveRun } from '../protocol/activeRuns';
import type { AppDescription } from '../protocol/description';
import type { RunEvent } from '../protocol/events';
import type { Budget, BudgetAlert, BudgetState, CostReport } from '../protocol/metering';
import type { Container, Gpu, GpuList, MethodParams, RunSummary } from '../protocol/methods';
import type { PostMortem } from '../protocol/postMortem';
import type { StorageItem, StorageKind } from '../protocol/resources';
import type { CallArguments, RunError } from '../protocol/values';
import type { LogCursor } from '../store/runJournal';
import type { FailedInputsOf } from './runBook';

/** Receives the events of one run, past ones first, in order and without holes. */
export type RunListener = (events: readonly RunEvent[]) => void;

/** The client that starts a run. */
export interface Starter {
  device: string;
  /** Aborted once it is gone for good. */
  gone: AbortSignal;
}

export interface RunWatch {
  summary(): RunSummary;
  /** The run's output from the asked line on; the server pulls from it as credit allows. */
  readonly log: LogCursor;
  close(): void;
}

/** What lies on the runtime's disk; sizes in bytes. */
export interface StorageService {
  list(): Promise<StorageItem[]>;
  /** Bytes that are free now. Throws `not-found`, `conflict` while it is in use. */
  remove(kind: StorageKind, name: string): Promise<number>;
  /** Removes what is over the limits; bytes that are free now. */
  prune(): Promise<number>;
}

/** Debug channels of runs. */
export interface DebugService {
  /**
   * Joins a client's stream to debugpy's adapter in the run's container. Throws `not-found`, `conflict`,
   * `unsupported`. A channel that is destroyed with an error, because its session is lost, cancels the run.
   */
  open(run: string, channel: Duplex): void;
  /** The run of the container's next call. `client` names who waits. Throws `not-found`, `conflict`, `cancelled`. */
  awaitCall(container: string, signal: AbortSignal, client: object): Promise<string>;
  /** Ends that client's wait; nothing where there is none. */
  giveUp(container: string, client: object): void;
}

/** What containers were used for and what it costs. */
export interface CostService {
  /** Of the last days, today counted. */
  report(days: number): CostReport;
  budgets(): BudgetState[];
  /** In place of the one that the app, or the runtime, has. */
  setBudget(budget: Budget): BudgetState;
  /** Throws `not-found`. */
  removeBudget(app: string | null): void;
  /** Budgets that are near their end or past it, as they stand. */
  alerts(): BudgetAlert[];
  /** Called with them when one has become so, once in its period for each of the two; returns the undo. */
  onAlerts(listener: (alerts: BudgetAlert[]) => void): () => void;
}

/** A function of the version that an environment served when it was asked for. */
export interface ServedFunction {
  version: Version;
  function: DeployedFunction;
}

/** Versions of apps, what environments serve, and calls of it. Deploys are told as runs. */
export interface DeploymentService {
  /** `by`: who asks. Throws `conflict`. */
  create(params: MethodParams<'deployment.create'>, by: string): void;
  /** Throws `not-found`, `conflict`, `invalid`. */
  move(params: MethodParams<'deployment.move'>, by: string): void;
  /** The environment serves the app no more. Throws `not-found`, `conflict`. */
  undeploy(params: MethodParams<'deployment.undeploy'>, by: string): void;
  list(): DeployedApp[];
  /** Throws `not-found`. */
  served(app: string, environment: Environment): Version;
  /** Versions that the environment has served, the one of now first. Throws `not-found`. */
  history(app: string, environment: Environment): number[];
  /** Rejects with `not-found`. */
  diff(app: string, environment: Environment, version: number, from?: number): Promise<VersionDiff>;
  /** A file of a version. Rejects with `not-found`. */
  file(app: string, version: number, path: string): Promise<VersionFile>;
  /** Throws `not-found`. */
  protect(app: string, on: boolean): void;
  /** A function as the environment serves it now. Throws `not-found`. */
  function(app: string, environment: Environment, qualname: string): ServedFunction;
  /** Starts a run of a function that the environment serves. Throws `not-found`. */
  call(
    run: string,
    environment: Environment,
    app: string,
    qualname: string,
    given: CallArguments,
    instance?: CallArguments,
  ): Promise<void>;
  /** Starts a run for a call over HTTP; what the environment serves meanwhile makes no difference to it. */
  callEndpoint(
    run: string,
    environment: Environment,
    served: ServedFunction,
    given: CallArguments,
    instance?: CallArguments,
  ): Promise<void>;
  /** Ends the run where its call stands in line for too long. Returns the undo. */
  limitWait(run: string): () => void;
  keys(): EndpointKey[];
  createKey(environment: Environment, name: string): EndpointKey & { key: string };
  /** Throws `not-found`. */
  removeKey(id: string): void;
  /** Called after versions, or what environments serve, changed; returns the undo. */
  onChange(listener: () => void): () => void;
}

/** Runs of the inputs that failed in another run. */
export interface RerunService {
  /** What failed in a run that is over, and what of it was kept. Rejects with `not-found`, `conflict`. */
  failed(run: string): Promise<FailedInputsOf>;
  /** Runs it again; an id that exists is left as it is. Rejects with `not-found`, `conflict`, `bundle-incomplete`. */
  start(params: MethodParams<'run.rerun'>, by?: Starter): Promise<void>;
}

export interface RunService {
  readonly deployments: DeploymentService;
  readonly storage: StorageService;
  readonly debugging: DebugService;
  readonly costs: CostService;
  readonly reruns: RerunService;
  /** Brings up again what environments keep warm, after a start. */
  keepServing(): void;
  /** Code is on its way, so a run is likely to follow: starts what every first run waits for. Returns at once. */
  prepare(): void;
  /** Starts a run; an id that exists is left as it is. Throws `bundle-incomplete`, `not-found`, `disk-full`. */
  start(params: MethodParams<'run.start'>, by?: Starter): Promise<void>;
  /** Throws `not-found`. Past events are delivered synchronously before this returns. */
  watch(run: string, afterSeq: number, listener: RunListener): RunWatch;
  /** Throws `not-found`; cancelling an ended run does nothing. `reason`: a sentence of why, for its error. */
  cancel(run: string, reason?: string): void;
  /**
   * Lets a generator wait before it makes more items, because nobody can take them, or go on. False where it can't
   * wait: its container works on other calls beside it, or it has no container yet.
   */
  holdItems(run: string, held: boolean): boolean;
  /** Connects the caller frames and the printed output (u8 fd | bytes, one chunk a write) of a local entrypoint. */
  openCaller(run: string, caller: Duplex, output: Duplex): void;
  finish(run: string, error: RunError | null, frames?: PostMortem): void;
  /** What was captured of a run's failure. Rejects with `not-found`. */
  frames(run: string): Promise<PostMortem>;
  /** Active runs that clients of a device started and said where they have the code of. */
  startedBy(device: string): ActiveRun[];
  /** Called with the number of active runs after each change; returns the undo. */
  onActiveRuns(listener: (active: number) => void): () => void;
  /** Newest first: calls of endpoints, or everything else. */
  list(limit: number, endpoints?: boolean): RunSummary[];
  /** How many calls of endpoints go on. */
  activeEndpointCalls(): number;
  describe(
    bundle: string,
    file: string,
    signal: AbortSignal,
  ): Promise<{ apps: AppDescription[] } | { error: RunError }>;
  containers(): Container[];
  /** Throws `not-found`. Its calls end as `cancelled`. */
  stopContainer(container: string): Promise<void>;
  /** As they were sampled last. */
  gpus(): GpuList;
  /** With a sample taken now, where one can be had. */
  readGpus(): Promise<GpuList>;
  /** Called with the newest state after each change; returns the undo. */
  onContainers(listener: (containers: Container[]) => void): () => void;
  /** Newest state, once a second while containers hold cards. Cards are sampled for whoever listens. */
  onGpus(listener: (gpus: Gpu[]) => void): () => void;
  /** Ends every container and pending run. Resolves when no process is left. */
  dispose(): Promise<void>;
}
