/** Runs, calls, containers and cards, put together. The server's one way in is RunService. */
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { ActiveRun } from '../protocol/activeRuns';
import type { AppDescription } from '../protocol/description';
import { VelarError } from '../protocol/errors';
import type { Container as ContainerInfo, Gpu, GpuList, RunSummary } from '../protocol/methods';
import type { PostMortem } from '../protocol/postMortem';
import type { ResultValue, RunError } from '../protocol/values';
import { MODEL_CACHE_VOLUME } from '../engines/volumePaths';
import { DebugpyPackages } from '../debugging/debugpyPackages';
import { DebugSessions } from '../debugging/debugSessions';
import { checkDebug, debugTarget } from '../debugging/debugTarget';
import { Deployments } from '../deployments/deployments';
import { Adoption } from './adoption';
import { Callers } from './callers';
import { CallTargets } from './callTargets';
import type { Container } from './container';
import { DescribeServer } from './describe';
import { callOfRun } from './functionRun';
import { RunOutput } from './output';
import {
  callerLost,
  cancelledBy,
  infrastructureError,
  neverBegan,
  unknownContainer,
} from './platformErrors';
import { Pool } from './pool';
import { poolEvents } from './poolEvents';
import { RunsProgress } from './progress';
import { showNoRemoteCall } from './runPhases';
import { Reruns } from './reruns';
import type { Run, RunParams } from './run';
import { unknownRun } from './runBook';
import type { SchedulerParts } from './schedulerParts';
import type { RunListener, RunService, RunWatch, Starter } from './service';
import { LinkPauses, SlowReaders } from './slowReaders';
import { Spending } from './spending';
import { Storage } from './storage';
import { Targets, type TargetResult } from './targets';
import { Telemetry } from './telemetry';

const MIN_CONTAINERS_LIMIT = 8;

type End = { result: ResultValue } | { error: RunError };

export class Scheduler implements RunService {
  readonly storage: Storage;
  readonly debugging: DebugSessions;
  readonly deployments: Deployments;
  readonly costs: Spending;
  readonly reruns: Reruns;
  private readonly pool: Pool;
  private readonly callers: Callers;
  private readonly telemetry: Telemetry;
  private readonly describer: DescribeServer;
  private readonly targets: Targets;
  private readonly callTargets: CallTargets;
  private readonly progress: RunsProgress;
  /** Runs whose own part is over while calls that they spawned go on. */
  private readonly endings = new Map<Run, End>();
  private readonly output: RunOutput;
  private readonly slowReaders: SlowReaders;
  private calls = 0;
  private disposed = false;

  constructor(private readonly parts: SchedulerParts) {
    const { clock, cores, engine, gpus, store, home, images, python, environment, warn } = parts;
    this.progress = new RunsProgress(clock, parts.prices, store.failedInputs);
    this.describer = new DescribeServer({
      ...parts,
      folder: join(home, 'describe'),
      blobPath: (sha256) => store.blobs.path(sha256),
    });
    this.targets = new Targets({ ...parts, describe: this.describer });
    const adoption = new Adoption({
      left: engine.left ?? [],
      link: parts.link,
      clock,
      changed: () => this.pool.review(),
      info: (message) => parts.logger.info(message),
      warn,
    });
    this.pool = new Pool({
      engine,
      link: parts.link,
      clock,
      gpus: gpus.gpus,
      adoption,
      maxContainers: Math.max(MIN_CONTAINERS_LIMIT, cores * 4),
      listener: poolEvents({
        output: () => this.output,
        telemetry: () => this.telemetry,
        callers: () => this.callers,
        storage: () => this.storage,
        spending: () => this.costs,
        debugging: () => this.debugging,
        images,
        audience: (container) => this.pool.audience(container),
        warn,
      }),
    });
    this.storage = new Storage({
      ...parts,
      bundlesInUse: () => [
        ...parts.runs.active.map((run) => run.params.bundle),
        ...[...this.pool.containers.all.values()].map(({ target }) => target.load.bundle),
        ...this.deployments.bundles,
      ],
      runInUse: (run) => (parts.runs.find(run) ?? store.keptCalls.find(run)) !== undefined,
    });
    this.costs = new Spending({
      usage: store.usage,
      prices: parts.prices,
      clock,
      containers: () => this.pool.containers.all.values(),
      activeRuns: () => parts.runs.active,
      cancel: (call, error) => this.pool.cancel(call, error),
    });
    this.deployments = new Deployments({
      store,
      images,
      prices: parts.prices,
      gpus: gpus.gpus,
      clock,
      place: engine.place,
      begin: (params) => parts.runs.begin(params),
      end: (run, end) => this.end(run, end),
      apps: (bundle, file) => this.targets.apps(bundle, file),
      resolve: (run, qualname, app) => this.callTargets.own(run.params, qualname, app),
      submit: (calls) => this.pool.submit(calls),
      newCallId: () => this.newCallId(),
      bring: (targets) => this.pool.serving.bring(targets),
      keep: (...args) => this.pool.serving.serve(...args),
      withdraw: (owner) => this.pool.serving.withdraw(owner),
      find: (run) => parts.runs.find(run),
      start: (params) => this.start(params),
      limitMs: parts.waitLimitMs,
      waitsInLine: (call) => this.pool.waitsInLine(call),
      fail: (run, error) => this.cancelRun(run, error),
    });
    this.callTargets = new CallTargets({
      targets: this.targets,
      refusal: (app) => this.costs.refusal(app),
      deployed: (...named) => this.deployments.function(...named),
    });
    store.volumes.askForUse(
      (name) =>
        this.pool.containers.useVolume(name) ||
        (name === MODEL_CACHE_VOLUME && engine.kind !== 'process' && engine.list().length > 0),
    );
    const audience = (container: Container): Run[] => this.pool.audience(container);
    this.debugging = new DebugSessions({
      clock,
      packages:
        engine.brought && new DebugpyPackages({ place: engine.brought, python, environment }),
      container: (id) => this.pool.containers.all.get(id),
      run: (id) => parts.runs.find(id),
      audience,
      hold: (container, held) => this.pool.hold(container, held),
      cancel: (run, reason) => this.cancelRun(run, cancelledBy(reason)),
      warn,
    });
    const pauses = new LinkPauses();
    this.output = new RunOutput(audience, pauses, warn);
    this.slowReaders = new SlowReaders(pauses, (call) => this.pool.containerOf(call));
    this.telemetry = new Telemetry({
      clock,
      inventory: gpus,
      environment,
      engine: engine.kind,
      containers: () => this.pool.containers.all.values(),
      audience,
      warn,
    });
    this.callers = new Callers({
      newCallId: () => this.newCallId(),
      resolve: (code, invoke) => this.callTargets.called(code, invoke),
      submit: (calls) => this.pool.submit(calls),
      cancel: (call, error) => this.pool.cancel(call, error),
      progress: (run) => this.progress.of(run),
      callGone: (run) => this.endIfQuiet(run),
      place: engine.place,
      warn,
    });
    this.reruns = new Reruns({
      runs: parts.runs,
      bundles: store.bundles,
      clock,
      open: (run, send) => this.callers.openOwn(run, send),
      numbered: (run, map, number) => this.progress.of(run).numbered(map, number),
      end: (run, end) => this.end(run, end),
    });
  }

  keepServing(): void {
    this.deployments.keepServing();
  }

  prepare(): void {
    this.describer.prepare();
  }

  async start(given: RunParams, by?: Starter): Promise<void> {
    const params = by === undefined ? given : { ...given, device: by.device };
    if (this.disposed) throw new VelarError('cancelled', 'The runtime ends.');
    const { runs, store } = this.parts;
    if (params.endpointOf === undefined && runs.knows(params.run)) return;
    checkDebug(params);
    store.bundles.requireWhole(params.bundle);
    const run = runs.begin(params);
    if (params.kind === 'local_entrypoint') {
      run.advance((timeline, at) =>
        timeline.enter('queued', at, `${params.qualname} runs locally`),
      );
      by?.gone.addEventListener('abort', () => {
        if (!this.callers.hasLocal(run)) this.finishLocal(run, { error: neverBegan() });
      });
      return;
    }
    run.together(() => {
      run.advance((timeline, at) => timeline.enter('queued', at));
      const resolved = this.callTargets.own(params, params.qualname);
      if (!(resolved instanceof Promise)) {
        this.place(run, resolved);
        return;
      }
      run.advance((timeline) => timeline.progress(`reading ${params.file}`));
      resolved
        .then((result) => run.together(() => this.place(run, result)))
        .catch((error: unknown) => this.end(run, { error: infrastructureError(error, 'Runtime') }));
    });
  }

  watch(run: string, afterSeq: number, listener: RunListener): RunWatch {
    return this.parts.runs.watch(run, afterSeq, listener);
  }

  holdItems(id: string, held: boolean): boolean {
    return this.slowReaders.set(this.parts.runs.find(id), held);
  }

  cancel(id: string, reason = 'The run was cancelled.'): void {
    const { runs } = this.parts;
    const run = runs.find(id);
    if (run === undefined && !runs.knows(id)) throw unknownRun(id);
    if (run?.active === true) this.cancelRun(run, cancelledBy(reason));
  }

  openCaller(id: string, caller: Duplex, output: Duplex): void {
    const run = this.parts.runs.activeLocal(id);
    this.callers.openLocal(run, caller, output, (error) => {
      this.finishLocal(run, { error: callerLost(error) });
    });
  }

  finish(id: string, error: RunError | null, frames?: PostMortem): void {
    const run = this.parts.runs.find(id);
    if (run === undefined) throw unknownRun(id);
    if (frames !== undefined) run.inspect(frames);
    if (run.active) this.finishLocal(run, error === null ? { result: { value: null } } : { error });
  }

  list(limit: number, endpoints = false): RunSummary[] {
    return this.parts.runs.list(limit, endpoints);
  }

  activeEndpointCalls = (): number => this.parts.runs.activeEndpointCalls;

  startedBy(device: string): ActiveRun[] {
    return this.parts.runs.startedBy(device);
  }

  onActiveRuns(listener: (active: number) => void): () => void {
    return this.parts.runs.onActive(listener);
  }

  async frames(run: string): Promise<PostMortem> {
    return this.parts.runs.frames(run);
  }

  async describe(
    bundle: string,
    file: string,
    signal: AbortSignal,
  ): Promise<{ apps: AppDescription[] } | { error: RunError }> {
    if (signal.aborted) throw new VelarError('cancelled', 'Cancelled.');
    return this.targets.shown(bundle, file);
  }

  containers(): ContainerInfo[] {
    return this.telemetry.containers();
  }

  async stopContainer(id: string): Promise<void> {
    const container = this.pool.containers.all.get(id);
    if (container === undefined) throw unknownContainer(id);
    await this.pool.stopContainer(container, cancelledBy(`The container ${id} was stopped.`));
  }

  gpus(): GpuList {
    return this.telemetry.gpus();
  }

  readGpus(): Promise<GpuList> {
    return this.telemetry.readGpus();
  }

  onContainers(listener: (containers: ContainerInfo[]) => void): () => void {
    return this.telemetry.onContainers(listener);
  }

  onGpus(listener: (gpus: Gpu[]) => void): () => void {
    return this.telemetry.onGpus(listener);
  }

  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    const { runs, engine, link } = this.parts;
    const error = cancelledBy('The runtime ended.');
    for (const run of runs.active) this.end(run, { error });
    const { pool, describer, debugging } = this;
    await Promise.all([pool.dispose(error), describer.dispose(), debugging.dispose()]);
    await Promise.all([engine.dispose(), this.telemetry.dispose(), link.dispose()]);
    await Promise.all([runs.dispose(), this.storage.dispose()]);
    this.costs.dispose();
  }

  private newCallId(): number {
    // A u32 on the wire; by the time it wraps, the first calls are long over. 0 stands for none.
    this.calls = this.calls >= 0xffff_ffff ? 1 : this.calls + 1;
    return this.calls;
  }

  private place(run: Run, resolved: TargetResult): void {
    if (!run.active) return;
    if ('error' in resolved) {
      this.end(run, resolved);
      return;
    }
    const { clock, engine } = this.parts;
    run.app = resolved.target.app;
    const target = debugTarget(resolved.target, run.params);
    const call = callOfRun(run, target, {
      clock,
      newCallId: () => this.newCallId(),
      place: engine.place,
      ended: (ended, end) => this.end(ended, end),
    });
    this.pool.submit([call]);
  }

  private cancelRun(run: Run, error: RunError): void {
    if (run.params.kind === 'local_entrypoint') {
      this.finishLocal(run, { error });
      return;
    }
    const ending = this.endings.get(run);
    if (run.calls.size === 0 || ending !== undefined) this.endings.set(run, { error });
    for (const call of [...run.calls]) this.pool.cancel(call, error);
    this.endIfQuiet(run);
  }

  private finishLocal(run: Run, end: End): void {
    this.callers.closeLocal(run);
    if (run.timeline.phase === 'queued' && 'result' in end) showNoRemoteCall(run);
    this.end(run, end);
  }

  /** The run's own part is over: its spawned calls may go on, the others are cancelled. */
  private end(run: Run, end: End): void {
    if (!run.active || this.endings.has(run)) return;
    this.endings.set(run, end);
    const error = cancelledBy('The run that made this call has ended.');
    for (const call of [...run.calls]) {
      if (!call.spawned || 'error' in end) this.pool.cancel(call, error);
    }
    this.endIfQuiet(run);
  }

  private endIfQuiet(run: Run): void {
    const end = this.endings.get(run);
    if (end === undefined || !run.active) return;
    if (run.calls.size > 0 && !this.disposed) {
      run.advance((timeline) => timeline.progress(`waiting for ${run.calls.size} calls to end`));
      return;
    }
    this.endings.delete(run);
    this.slowReaders.release(run);
    this.reruns.ended(run);
    this.progress.of(run).close();
    this.debugging.runEnded(run);
    this.parts.runs.end(run, end);
    this.storage.runEnded();
  }
}
