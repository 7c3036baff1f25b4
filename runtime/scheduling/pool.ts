/** Brings calls and containers together: places, starts, loads, and deals with what dies. Event-driven. */
import type { Gpu } from '../protocol/methods';
import type { RunError } from '../protocol/values';
import type { ContainerExit, Engine } from '../engines/engine';
import type { Adoption } from './adoption';
import { Arrivals } from './arrivals';
import { buildOutputs } from './buildOutput';
import type { Call } from './call';
import type { Clock } from './clock';
import type { Container } from './container';
import type { ContainerEvents } from './containerEvents';
import { Containers } from './containers';
import { FailedStarts } from './failedStarts';
import { KeptWarm } from './keptWarm';
import { Placer } from './placer';
import { infrastructureError, workerDied } from './platformErrors';
import { Preparations } from './preparations';
import { Queues } from './queues';
import type { Run } from './run';
import { Serving } from './serving';
import { StartFailures } from './startFailures';
import type { Target } from './target';
import type { WorkerLink } from './workerLink';

const STOP_GRACE_MS = 2000;

/** What the pool tells the scheduler of a container's doings. */
export interface PoolListener extends Pick<
  ContainerEvents,
  | 'caller'
  | 'runnerGone'
  | 'memory'
  | 'postMortem'
  | 'printed'
  | 'debug'
  | 'debugChannel'
  | 'debugLoad'
> {
  /** The list of containers, or something in it, changed. */
  changed(): void;
  /** What was printed while the image of a container that these calls wait for was built. */
  built(calls: readonly Call[], text: string): void;
  /** The image of a target is there; `built`: it was not before. */
  imageReady(target: Target, built: boolean): void;
  loaded(container: Container, ms: number, waiting: readonly Call[]): void;
  dispatched(container: Container, calls: readonly Call[], warm: boolean): void;
  /** A container has worked on a call for `busyMs`, well or not. */
  callEnded(container: Container, call: Call, busyMs: number): void;
  /** A container got its cards, or let go of them. */
  gpusHeld(container: Container, held: boolean): void;
  warn(message: string): void;
}

export interface PoolOptions {
  engine: Engine;
  link: WorkerLink;
  clock: Clock;
  gpus: readonly Gpu[];
  adoption: Adoption;
  maxContainers: number;
  listener: PoolListener;
}

export class Pool {
  readonly containers: Containers;
  readonly serving: Serving;
  private readonly queues: Queues;
  private readonly arrivals: Arrivals;
  private readonly preparations: Preparations;
  private readonly failures: StartFailures;
  private readonly warm: KeptWarm;
  private readonly placer: Placer;
  private readonly endings = new Set<Promise<unknown>>();

  constructor(private readonly options: PoolOptions) {
    const { clock, gpus, listener } = options;
    const discard = (container: Container, graceMs: number): void =>
      this.follow(this.discard(container, graceMs));
    const kept = (container: Container): boolean => this.warm.keeps(container);
    this.queues = new Queues(clock, (call) => this.arriving(call));
    this.failures = new StartFailures(clock);
    this.containers = new Containers({
      clock,
      gpus,
      adoption: options.adoption,
      limit: options.maxContainers,
      discard: (container) => discard(container, STOP_GRACE_MS),
      awaited: (container) => this.queues.waitingFor(container).length > 0,
      kept,
      changed: () => listener.changed(),
    });
    const outputFor = buildOutputs((calls, text) => listener.built(calls, text));
    const failed = new FailedStarts({
      pool: options,
      queues: this.queues,
      containers: this.containers,
      failures: this.failures,
    });
    this.preparations = new Preparations({
      pool: options,
      queues: this.queues,
      failed,
      outputFor,
      wished: (groupKey) => this.warm.wishes(groupKey),
      changed: () => this.placer.pump(),
    });
    this.arrivals = new Arrivals({
      pool: options,
      queues: this.queues,
      containers: this.containers,
      failed,
      outputFor,
      events: this.events,
      discard,
      kept,
      died: (container, exit) => this.died(container, exit),
    });
    const { queues, containers, arrivals, failures, preparations } = this;
    this.warm = new KeptWarm({
      clock,
      containers,
      failures,
      waiting: () => queues.waiting(),
      preparations,
      start: (target) => arrivals.start(target),
      reload: (container, target) => arrivals.reload(container, target),
      wake: () => this.placer.pump(),
    });
    const { warm } = this;
    this.placer = new Placer({
      clock,
      queues,
      containers,
      arrivals,
      preparations,
      failures,
      warm,
      dispatch: (container, sent) => this.dispatch(container, sent),
    });
    this.serving = new Serving({
      warm,
      queues,
      containers,
      arrivals,
      preparations,
      placer: this.placer,
      discard: (container) => discard(container, STOP_GRACE_MS),
    });
  }

  /** There may be a container or room that nothing else tells of. */
  review(): void {
    this.placer.pump();
  }

  submit(calls: readonly Call[]): void {
    for (const call of calls) {
      this.failures.asked(call.target.groupKey);
      this.warm.used(call);
      this.queues.add(call);
      this.arriving(call);
    }
  }

  /** Ends a call wherever it is; it fails with `error`. */
  cancel(call: Call, error: RunError): void {
    if (this.queues.remove(call)) {
      this.queues.end(call, error);
      this.arrivals.discardUnwanted();
      this.preparations.discardUnwanted();
    } else if (call.state === 'placed') {
      this.containerOf(call)?.cancel(call, error);
    }
  }

  /** While code in it stands still in a debugger, or waits for one, no timeout comes nearer. */
  hold(container: Container, held: boolean): void {
    if (held) container.deadlines.hold();
    else container.deadlines.release();
    this.arrivals.hold(container, held);
  }

  /** Runs that whatever the container prints outside of calls belongs to. */
  audience(container: Container): Run[] {
    const calls = this.arrivals.has(container)
      ? this.queues.waitingFor(container)
      : [...container.inflight.values()];
    return [...new Set(calls.map((call) => call.run))];
  }

  /** True for a call that waits while nothing comes up that could take it. */
  waitsInLine({ state, target }: Call): boolean {
    return state === 'waiting' && !this.arrivals.comesFor(target);
  }

  containerOf(call: Call): Container | undefined {
    for (const container of this.containers.all.values()) {
      if (container.inflight.get(call.id) === call) return container;
    }
    return undefined;
  }

  /** Ends a container; what it works on, and what waits for it to come up, fails with `error`. */
  async stopContainer(container: Container, error: RunError): Promise<void> {
    const { begun, waiting } = container.takeCalls();
    const queued = this.arrivals.has(container) ? this.queues.takeWaitingFor(container) : [];
    this.warm.stopped(container);
    const ending = this.discard(container, STOP_GRACE_MS);
    this.options.listener.runnerGone(container);
    for (const call of [...begun, ...waiting, ...queued]) {
      this.queues.end(call, call.ending ?? error);
    }
    await ending;
  }

  /** Ends everything. Resolves when no process is left. */
  async dispose(error: RunError): Promise<void> {
    this.placer.close();
    this.warm.dispose();
    this.queues.close(error);
    const all = [...this.containers.all.values()];
    await Promise.all(all.map((container) => this.stopContainer(container, error)));
    const rest = [this.preparations.dispose(), this.options.adoption.dispose()];
    await Promise.allSettled([...this.endings, ...rest]);
  }

  private arriving(call: Call): void {
    this.preparations.show(call);
    this.arrivals.show(call);
    this.placer.pump();
  }

  private dispatch(container: Container, calls: readonly Call[]): void {
    const { warm, fresh, groupKey } = container;
    if (fresh && groupKey !== undefined) this.failures.worked(groupKey);
    this.containers.notIdle(container);
    this.options.listener.dispatched(container, calls, warm);
    container.dispatch(calls);
    for (const call of calls) call.sink.dispatched();
    this.options.listener.changed();
  }

  private died(container: Container, exit: ContainerExit): void {
    if (container.state !== 'stopping' && container.state !== 'ended') {
      this.lose(container, workerDied(exit));
    }
  }

  /** The container is of no use any more, though nobody asked for that. */
  private lose(container: Container, error: RunError): void {
    const { listener } = this.options;
    const wasComing = this.arrivals.has(container);
    const { begun, waiting } = container.takeCalls();
    this.follow(this.discard(container, 0));
    listener.runnerGone(container);
    // One that nobody has used yet was brought up in vain.
    if (wasComing || container.fresh) this.arrivals.failed(container, error, true);
    for (const call of begun) this.lost(container, call, call.ending ?? error);
    this.queues.giveBack(waiting);
    this.placer.pump();
  }

  /** Ends a container and forgets it when its process is gone; who asks again waits for the same end. */
  private discard(container: Container, graceMs: number): Promise<void> {
    container.ending ??= this.end(container, graceMs);
    return container.ending;
  }

  private async end(container: Container, graceMs: number): Promise<void> {
    container.state = 'stopping';
    this.containers.notIdle(container);
    this.options.listener.changed();
    await this.arrivals.abandon(container);
    await container.stop(graceMs);
    container.state = 'ended';
    this.containers.delete(container);
    if (container.gpus.length > 0) this.options.listener.gpusHeld(container, false);
    this.options.listener.changed();
    this.placer.pump();
  }

  /** Keeps a promise in sight, so that dispose waits for it and its failure is told. */
  private follow(ending: Promise<unknown>): void {
    const followed = ending
      .catch((error: unknown) => this.options.listener.warn(String(error)))
      .finally(() => this.endings.delete(followed));
    this.endings.add(followed);
  }

  /** A call ended badly. What the platform lost isn't billed. */
  private lost(container: Container, call: Call, error: RunError): void {
    const billed = error.kind !== 'infrastructure';
    if (billed) this.options.listener.callEnded(container, call, container.busyWith(call));
    this.queues.settle(call, error);
  }

  private freed(container: Container): void {
    this.containers.becomeIdle(container);
    this.placer.pump();
  }

  private readonly events: ContainerEvents = {
    changed: (container) => {
      this.containers.becomeIdle(container);
      this.placer.pump();
    },
    loadPhase: (container, message) => {
      this.arrivals.loadPhase(container, message);
      for (const call of this.queues.waitingFor(container)) call.sink.phase(message);
    },
    loaded: (container, ms) => {
      this.arrivals.loaded(container);
      this.options.listener.loaded(container, ms, this.queues.waitingFor(container));
      this.containers.becomeIdle(container);
      this.placer.pump();
    },
    loadFailed: (container, error) => {
      this.arrivals.failed(container, error);
      this.arrivals.forget(container);
    },
    succeeded: (container, call, result) => {
      this.queues.lane(call.target.laneKey)?.durations.add(result.ms);
      this.options.listener.callEnded(container, call, container.busyWith(call));
      this.freed(container);
      if (call.state === 'ended') return;
      call.state = 'ended';
      call.sink.succeeded(result);
    },
    failed: (container, call, error) => {
      this.lost(container, call, error);
      this.freed(container);
    },
    returned: (_container, call) => {
      this.queues.giveBack([call]);
      this.placer.pump();
    },
    linkBroken: (container, error) => {
      this.options.listener.warn(`Container ${container.id}: ${error.message}`);
      // A worker that died closes its socket first; how it ended says more than that.
      if (error.code === 'unreachable' && container.placed !== undefined) {
        this.follow(container.placed.stop(0));
      } else {
        this.lose(container, infrastructureError(error, 'WorkerProtocol'));
      }
    },
    debug: (...args) => this.options.listener.debug(...args),
    debugChannel: (...args) => this.options.listener.debugChannel(...args),
    debugLoad: (...args) => this.options.listener.debugLoad(...args),
    caller: (...args) => this.options.listener.caller(...args),
    runnerGone: (...args) => this.options.listener.runnerGone(...args),
    memory: (...args) => this.options.listener.memory(...args),
    postMortem: (...args) => this.options.listener.postMortem(...args),
    printed: (...args) => this.options.listener.printed(...args),
  };
}
