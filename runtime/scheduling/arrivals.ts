/** Containers on their way to taking calls: starts, loads of new code, their stages and their failures. */
import { randomBytes } from 'node:crypto';
import type { RunError } from '../protocol/values';
import type { ContainerExit } from '../engines/engine';
import { withNote } from '../images/notApplied';
import { bringUp, StartError } from './bringUp';
import type { Call, Stage } from './call';
import { Container, type ContainerEvents } from './container';
import type { Containers } from './containers';
import { crashLoop, infrastructureError, startedTooLate } from './platformErrors';
import type { PoolOptions } from './pool';
import type { Queues } from './queues';
import type { Run } from './run';
import type { Target } from './target';

const MAX_START_FAILURES = 3;
const START_BACK_OFF_MS = 200;

/** A container on its way to taking calls. */
interface Coming {
  abort: AbortController;
  stages: Stage[];
  timer: (() => void) | undefined;
  /** Settles when its start is over, well or not. Never rejects. */
  over: Promise<void>;
}

export interface ArrivalsOptions {
  pool: PoolOptions;
  queues: Queues;
  containers: Containers;
  events: ContainerEvents;
  /** Ends a container, with its time for exit hooks or at once. */
  discard: (container: Container, graceMs: number) => void;
  /** A container's process has ended though it was up. */
  died: (container: Container, exit: ContainerExit) => void;
}

export class Arrivals {
  private readonly coming = new Map<Container, Coming>();
  /** Starts that failed in a row, by pool. */
  private readonly startFailures = new Map<string, number>();

  constructor(private readonly options: ArrivalsOptions) {}

  has(container: Container): boolean {
    return this.coming.has(container);
  }

  /** Tells a call that has come to wait how far the container is that it will get. */
  show(call: Call): void {
    for (const [container, { stages }] of this.coming) {
      const { origin, load } = container;
      if (origin.poolKey !== call.target.poolKey || load?.key !== call.target.load.key) continue;
      for (const stage of stages) call.sink.stage(stageFor(call, stage));
      return;
    }
  }

  /** Starts a container for a target. */
  start(target: Target): void {
    const id = `c-${randomBytes(5).toString('hex')}`;
    const gpus = this.options.containers.freeCards(target.gpu).slice(0, target.gpu?.count ?? 0);
    const container = new Container(id, target, gpus, this.options.pool.clock, this.options.events);
    this.options.containers.add(container);
    const coming = this.expectComing(container);
    if (gpus.length > 0) this.options.pool.listener.gpusHeld(container, true);
    this.options.pool.listener.changed();
    coming.over = this.bringUp(container, coming);
  }

  /** New code in a warm container. */
  reload(container: Container, target: Target): void {
    this.options.containers.notIdle(container);
    // A new runner numbers what it asks for from the start again.
    this.options.pool.listener.runnerGone(container);
    const coming = this.expectComing(container);
    const skipped: Stage[] = [
      { phase: 'provisioning', skipped: this.options.pool.engine.place },
      { phase: 'image', skipped: 'image cached' },
      { phase: 'container', skipped: 'warm container' },
    ];
    container.load = target.load;
    for (const stage of skipped) this.stage(container, stage);
    this.limitStartup(container, coming, target);
    this.beginLoad(container, target);
  }

  /** It takes calls now. */
  loaded(container: Container): void {
    this.startFailures.delete(container.origin.poolKey);
    this.options.containers.ready(container);
    this.stage(container, { phase: 'imports', done: undefined });
    this.forget(container);
  }

  /** It will not come: stops what is going on. Resolves when nothing is. */
  async abandon(container: Container): Promise<void> {
    const coming = this.coming.get(container);
    this.forget(container);
    coming?.abort.abort();
    await coming?.over;
  }

  forget(container: Container): void {
    this.coming.get(container)?.timer?.();
    this.coming.delete(container);
  }

  /** A container did not get to take calls: another start is tried, or those who wait are told. */
  failed(container: Container, error: RunError, retriable: boolean): void {
    const { poolKey } = container.origin;
    const failures = (this.startFailures.get(poolKey) ?? 0) + 1;
    const waiting = this.options.queues.waitingFor(container);
    if (!retriable || failures >= MAX_START_FAILURES) {
      this.startFailures.delete(poolKey);
      const told = retriable ? crashLoop(error, failures) : error;
      for (const call of this.options.queues.takeWaitingFor(container))
        this.options.queues.end(call, told);
      return;
    }
    this.startFailures.set(poolKey, failures);
    const detail = `start ${failures} failed, trying again: ${error.message}`;
    const notBefore = this.options.pool.clock.monotonic() + START_BACK_OFF_MS * 2 ** (failures - 1);
    for (const call of waiting) {
      call.sink.stage({ phase: 'container', detail });
      const lane = this.options.queues.lane(call.target.laneKey);
      if (lane !== undefined) lane.notBefore = notBefore;
    }
  }

  /** Containers that come up for nobody: the calls they were meant for are gone. */
  discardUnwanted(): void {
    for (const container of this.coming.keys()) {
      if (this.options.queues.waitingFor(container).length > 0) continue;
      this.options.discard(container, 0);
    }
  }

  private async bringUp(container: Container, coming: Coming): Promise<void> {
    const { engine, link, clock, listener } = this.options.pool;
    try {
      await bringUp({
        container,
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
        output: (text) => listener.built(this.options.queues.waitingFor(container), text),
      });
      if (coming.abort.signal.aborted) return;
      container.placed?.exited
        .then((exit) => this.options.died(container, exit))
        .catch((error: unknown) => listener.warn(String(error)));
      this.beginLoad(container, container.origin);
    } catch (error) {
      if (coming.abort.signal.aborted) return;
      const known = error instanceof StartError ? error : undefined;
      const runError = known?.runError ?? infrastructureError(error, 'ContainerStart');
      this.failed(container, runError, known?.retriable ?? false);
      this.options.discard(container, 0);
    }
  }

  private beginLoad(container: Container, target: Target): void {
    this.stage(container, { phase: 'imports', detail: `importing ${target.load.file}` });
    container.startLoad(target);
    this.options.pool.listener.changed();
  }

  private expectComing(container: Container): Coming {
    const coming: Coming = {
      abort: new AbortController(),
      stages: [],
      timer: undefined,
      over: Promise.resolve(),
    };
    this.coming.set(container, coming);
    this.options.containers.coming(container);
    return coming;
  }

  private stage(container: Container, stage: Stage): void {
    this.coming.get(container)?.stages.push(stage);
    const told = new Set<Run>();
    for (const call of this.options.queues.waitingFor(container)) {
      if (!told.has(call.run)) call.sink.stage(stageFor(call, stage));
      told.add(call.run);
    }
  }

  private limitStartup(container: Container, coming: Coming, target: Target): void {
    const { startupTimeoutMs, timeoutMs } = target.function.options;
    const limitMs = startupTimeoutMs ?? timeoutMs;
    coming.timer ??= this.options.pool.clock.timer(limitMs, () => {
      const error = startedTooLate(target.function.qualname, limitMs);
      for (const call of this.options.queues.takeWaitingFor(container))
        this.options.queues.end(call, error);
      this.options.discard(container, 0);
    });
  }
}

/** The end of the image says what is not applied of that call's function; others wait for the same container. */
function stageFor({ target }: Call, stage: Stage): Stage {
  const { note } = target.image;
  if (stage.phase !== 'image' || note === undefined) return stage;
  if ('skipped' in stage) return { ...stage, skipped: withNote(stage.skipped, note) };
  if ('done' in stage) return { ...stage, done: withNote(stage.done ?? 'ready', note) };
  return stage;
}
