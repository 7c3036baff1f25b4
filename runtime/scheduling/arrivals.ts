/** Containers on their way to taking calls: starts, loads of new code, their stages and their failures. */
import { randomBytes } from 'node:crypto';
import type { RunError } from '../protocol/values';
import type { ContainerExit } from '../engines/engine';
import type { AdoptableContainer } from './adoption';
import { bringUp, StartError } from './bringUp';
import type { BuildOutput } from './buildOutput';
import { chooseCards } from './cards';
import type { Call, PhaseMessage, Stage } from './call';
import { Container } from './container';
import type { ContainerEvents } from './containerEvents';
import type { Containers } from './containers';
import type { FailedStarts } from './failedStarts';
import { infrastructureError, startedTooLate } from './platformErrors';
import type { PhaseWay } from './phaseHistory';
import { PausableTimer } from './pausableTimer';
import type { PoolOptions } from './pool';
import type { Queues } from './queues';
import { noteStage, replayStages, tellStage } from './stages';
import { isCrash } from './startFailures';
import type { Target } from './target';

/** A container on its way to taking calls. */
interface Coming {
  /** In monotonic ms. */
  readonly beganAt: number;
  abort: AbortController;
  /** What it went through, of each phase the newest detail. */
  stages: Stage[];
  output: BuildOutput;
  /** What it is doing, and since when (monotonic ms): what is told when that takes too long. */
  step: { phase: Stage['phase'] | 'model-load'; what: string; since: number };
  /** Ends a start that takes too long. */
  timer: PausableTimer | undefined;
  /** Settles when its start is over, well or not. Never rejects. */
  over: Promise<void>;
}

export interface ArrivalsOptions {
  pool: PoolOptions;
  queues: Queues;
  containers: Containers;
  failed: FailedStarts;
  /** What is printed while the image of this key is built. */
  outputFor: (image: string) => BuildOutput;
  events: ContainerEvents;
  /** Ends a container, with its time for exit hooks or at once. */
  discard: (container: Container, graceMs: number) => void;
  /** True when it comes up for its function, whether or not calls wait. */
  kept: (container: Container) => boolean;
  /** A container's process has ended though it was up. */
  died: (container: Container, exit: ContainerExit) => void;
}

export class Arrivals {
  private readonly coming = new Map<Container, Coming>();

  constructor(private readonly options: ArrivalsOptions) {}

  has(container: Container): boolean {
    return this.coming.has(container);
  }

  comesFor({ groupKey }: Target): boolean {
    return [...this.coming.keys()].some((container) => container.groupKey === groupKey);
  }

  /** Tells a call that has come to wait how far the container is that it will get. */
  show(call: Call): void {
    for (const [container, { stages, output }] of this.coming) {
      if (container.groupKey !== call.target.groupKey) continue;
      output.join(call);
      replayStages(call, stages);
      return;
    }
  }

  /** Starts a container for a target, or takes over one that an earlier runtime left. */
  start(target: Target): void {
    const adoptable = this.options.pool.adoption.take(target.poolKey);
    if (adoptable !== undefined) {
      this.adopt(target, adoptable);
      return;
    }
    const id = `c-${randomBytes(5).toString('hex')}`;
    const { containers, pool, events } = this.options;
    const chosen = containers.cardsFor(target);
    const gpus = chosen?.cards ?? [];
    const container = new Container(id, target, chosen?.request ?? null, gpus, pool.clock, events);
    containers.add(container);
    const coming = this.expectComing(container);
    if (gpus.length > 0) pool.listener.gpusHeld(container, true);
    pool.listener.changed();
    coming.over = this.bringUp(container, coming);
  }

  /** New code in a warm container. */
  reload(container: Container, target: Target): void {
    this.options.containers.notIdle(container);
    // A new runner numbers what it asks for from the start again.
    this.options.pool.listener.runnerGone(container);
    this.loadWarm(container, target);
  }

  private adopt(target: Target, { placed, gpus: ids, connection }: AdoptableContainer): void {
    const { containers, pool, events } = this.options;
    const gpus = pool.gpus.filter((gpu) => ids.includes(gpu.uuid));
    const request = chooseCards(target.choices, gpus)?.request ?? null;
    const container = new Container(placed.container, target, request, gpus, pool.clock, events);
    containers.add(container);
    if (gpus.length > 0) pool.listener.gpusHeld(container, true);
    const ready = container.adopt(placed, connection);
    this.watchEnd(container);
    if (!ready) this.loadWarm(container, target);
    pool.listener.changed();
  }

  /** Loads code into a container that is up. */
  private loadWarm(container: Container, target: Target): void {
    const coming = this.expectComing(container);
    const skipped: Stage[] = [
      { phase: 'provisioning', skipped: this.options.pool.engine.place },
      { phase: 'image', skipped: 'image cached' },
      { phase: 'container', skipped: 'warm container' },
    ];
    container.load = target.load;
    for (const stage of skipped) this.stage(container, stage);
    this.limitStartup(container, coming, target);
    this.beginLoad(container, target, 'new code');
  }

  private watchEnd(container: Container): void {
    container.placed?.exited
      .then((exit) => this.options.died(container, exit))
      .catch((error: unknown) => this.options.pool.listener.warn(String(error)));
  }

  /** It takes calls now. */
  loaded(container: Container): void {
    this.options.containers.ready(container);
    this.stage(container, { phase: 'imports', done: undefined });
    this.forget(container);
  }

  /** While its code stands still in a debugger, or waits for one, its start has time. */
  hold(container: Container, held: boolean): void {
    const timer = this.coming.get(container)?.timer;
    if (held) timer?.pause();
    else timer?.resume();
  }

  /** It will not come: stops what is going on. Resolves when nothing is. */
  async abandon(container: Container): Promise<void> {
    const coming = this.coming.get(container);
    this.forget(container);
    coming?.abort.abort();
    await coming?.over;
  }

  forget(container: Container): void {
    const coming = this.coming.get(container);
    coming?.timer?.cancel();
    coming?.output.end();
    this.coming.delete(container);
  }

  /** What a load does, as its worker tells. */
  loadPhase(container: Container, message: PhaseMessage): void {
    const coming = this.coming.get(container);
    if (coming === undefined || message.phase !== 'model-load') return;
    const loading = message.status === 'started' || message.detail !== undefined;
    if (!loading || message.status === 'done') this.step(coming, 'imports', importing(container));
    else this.step(coming, 'model-load', `loading ${message.detail ?? 'a model'}`);
  }

  /** A container did not get to take calls: another start is tried, or those who wait are told. */
  failed(container: Container, error: RunError, retriable = isCrash(error)): void {
    const now = this.options.pool.clock.monotonic();
    const beganAt = this.coming.get(container)?.beganAt ?? now;
    this.options.failed.container(container, error, beganAt, retriable);
  }

  /** Containers that come up for nobody: the calls they were meant for are gone. */
  discardUnwanted(): void {
    for (const container of this.coming.keys()) {
      if (this.options.queues.waitingFor(container).length > 0) continue;
      if (!this.options.kept(container)) this.options.discard(container, 0);
    }
  }

  private async bringUp(container: Container, coming: Coming): Promise<void> {
    const { engine, link, clock, listener, gpus } = this.options.pool;
    try {
      await bringUp({
        container,
        everyCard: container.gpus.length === gpus.length,
        engine,
        link,
        clock,
        signal: coming.abort.signal,
        stage: (stage) => {
          this.stage(container, stage);
          // An image may take as long as it takes; the limit is on what starts after it.
          if (stage.phase === 'image' && !('detail' in stage)) {
            this.limitStartup(container, coming, container.origin);
          }
        },
        imageReady: (built) => listener.imageReady(container.origin, built),
        warn: (message) => listener.warn(message),
        output: (text) => coming.output.printed(this.options.queues.waitingFor(container), text),
      });
      if (coming.abort.signal.aborted) return;
      this.watchEnd(container);
      this.beginLoad(container, container.origin, 'cold');
    } catch (error) {
      if (coming.abort.signal.aborted) return;
      const known = error instanceof StartError ? error : undefined;
      const runError = known?.runError ?? infrastructureError(error, 'ContainerStart');
      // Without calls that wait nobody else would hear of it.
      if (this.options.queues.waitingFor(container).length === 0) listener.warn(runError.message);
      this.failed(container, runError, known?.retriable ?? false);
      this.options.discard(container, 0);
    }
  }

  private beginLoad(container: Container, target: Target, way: PhaseWay): void {
    const held = target.load.debug === true;
    const detail = importing(container);
    this.stage(container, { phase: 'imports', detail, way: held ? 'debugged' : way });
    container.startLoad(target);
    this.options.pool.listener.changed();
  }

  private expectComing(container: Container): Coming {
    const now = this.options.pool.clock.monotonic();
    const coming: Coming = {
      beganAt: now,
      abort: new AbortController(),
      stages: [],
      output: this.options.outputFor(container.origin.image.key),
      step: { phase: 'container', what: 'starting', since: now },
      timer: undefined,
      over: Promise.resolve(),
    };
    this.coming.set(container, coming);
    this.options.containers.coming(container);
    return coming;
  }

  private stage(container: Container, stage: Stage): void {
    const coming = this.coming.get(container);
    if (coming !== undefined) noteStage(coming.stages, stage);
    if (coming !== undefined && 'detail' in stage) {
      this.step(coming, stage.phase, stage.detail ?? coming.step.what);
    }
    tellStage(this.options.queues.waitingFor(container), stage);
  }

  private limitStartup(container: Container, coming: Coming, target: Target): void {
    const { startupTimeoutMs, timeoutMs } = target.function.options;
    const limitMs = startupTimeoutMs ?? timeoutMs;
    coming.timer ??= new PausableTimer(this.options.pool.clock, limitMs, () => {
      const { phase, what, since } = coming.step;
      const took = { phase, what, ms: this.options.pool.clock.monotonic() - since };
      this.failed(container, startedTooLate(target.function.qualname, limitMs, took));
      this.options.discard(container, 0);
    });
  }

  private step(coming: Coming, phase: Coming['step']['phase'], what: string): void {
    if (coming.step.what === what) return;
    coming.step = { phase, what, since: this.options.pool.clock.monotonic() };
  }
}

function importing(container: Container): string {
  return `importing ${container.load?.file ?? 'its code'}`;
}
