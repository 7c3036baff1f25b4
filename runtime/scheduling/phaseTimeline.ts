/**
 * The seven phases of one run as a state machine. Pure: times come in, events go out.
 *
 * Phases follow each other without gaps, so their durations add up to the run's. Each ends exactly once, in
 * order. Model loading has no place of its own in time: it happens within imports or running, is taken out of
 * them, and its end is told right before the end of the phase that follows.
 */
import { phases, type Phase, type PhaseStatus } from '../protocol/phases';

export interface PhaseStep {
  phase: Phase;
  status: PhaseStatus;
  /** Duration of the phase itself, in ms. */
  ms?: number;
  detail?: string;
  /** Of model-load: nothing is being loaded now, though more may follow. */
  paused?: boolean;
}

const MODEL_LOAD = phases.indexOf('model-load');
const RUNNING = phases.indexOf('running');
const NOT_REACHED = 'not reached';
const MAX_NAMES = 3;
const NO_LOAD = 'no model loading seen';

/** The phases before the user's code runs: these can be skipped. */
export type PlacementPhase = Exclude<Phase, 'model-load' | 'running'>;

export class PhaseTimeline {
  /** Index of the phase in progress; -1 before the first, past the last at the end. */
  private current = -1;
  /** Phases up to here have had their terminal event. */
  private ended = -1;
  private startedAt = 0;
  /** Model loading that lies within the current phase. */
  private carvedMs = 0;
  private loadMs = 0;
  /** Now less what the load in progress took so far, its pauses not counted. */
  private loadOpenedAt: number | undefined;
  /** What the load that is paused took so far. */
  private pausedMs = 0;
  private loadSeen = false;
  /** Why the load is skipped where none is seen. */
  private noLoad = NO_LOAD;
  private readonly loaded = new Set<string>();

  /** The phase in progress, or undefined before the start and after the end. */
  get phase(): Phase | undefined {
    return phases[this.current];
  }

  get finished(): boolean {
    return this.ended === RUNNING;
  }

  /** Model loading counted so far, in ms. */
  get modelLoadMs(): number {
    return this.loadMs;
  }

  /**
   * Enters a phase: the one before is done, those between are skipped for `skipReason`. A phase that is past
   * (another attempt goes through it again) is told as progress of the current one.
   */
  enter(phase: Phase, at: number, detail?: string, skipReason = 'not needed'): PhaseStep[] {
    const index = phases.indexOf(phase);
    if (this.finished) return [];
    if (phase === 'model-load') return this.loadStarted(at, detail);
    if (index <= this.current) {
      return index === this.current && detail === undefined ? [] : this.progress(detail ?? phase);
    }
    const steps = this.close(index, at, skipReason);
    this.current = index;
    steps.push(step(phase, 'started', undefined, detail));
    return steps;
  }

  /** Ends a phase that did not need to happen. One that is past stays as it ended. */
  skip(phase: PlacementPhase, at: number, reason: string): PhaseStep[] {
    const index = phases.indexOf(phase);
    if (this.finished || index <= this.current || index <= this.ended) return [];
    const steps = this.close(index, at, reason);
    this.ended = index;
    this.current = index;
    steps.push(step(phase, 'skipped', undefined, reason));
    return steps;
  }

  /** Ends the current phase as done, with a last detail; the time until the next begins belongs to that. */
  complete(phase: PlacementPhase, at: number, detail?: string): PhaseStep[] {
    const index = phases.indexOf(phase);
    if (this.finished || index !== this.current || index === this.ended) return [];
    return [this.endCurrent('done', at, detail)];
  }

  /** Tells what the current phase is doing. */
  progress(detail: string): PhaseStep[] {
    const phase = this.phase;
    if (phase === undefined || this.finished || this.ended >= this.current) return [];
    return [step(phase, 'progress', undefined, detail)];
  }

  /** Tells what is waited for. Once the image is there, that is time of the container to come. */
  wait(at: number, detail: string): PhaseStep[] {
    const between = this.phase === 'image' && this.ended >= this.current;
    return between ? this.enter('container', at, detail) : this.progress(detail);
  }

  /** A model load begins or goes on within the current phase; `ms` is what loading took so far. */
  loadStarted(at: number, detail?: string, ms?: number): PhaseStep[] {
    if (this.finished || this.ended >= MODEL_LOAD) return [];
    const status = this.loadSeen ? 'progress' : 'started';
    this.loadSeen = true;
    this.loadOpenedAt ??= at - this.pausedMs;
    this.pausedMs = 0;
    if (detail !== undefined) this.loaded.add(detail);
    return [step('model-load', status, status === 'started' ? undefined : ms, detail)];
  }

  /** Nothing is being loaded now, after `ms` of loading; the load may go on before it ends. */
  loadPaused(ms: number): PhaseStep[] {
    if (this.finished || this.ended >= MODEL_LOAD || this.loadOpenedAt === undefined) return [];
    this.loadOpenedAt = undefined;
    this.pausedMs = ms;
    return [{ ...step('model-load', 'progress', this.loadMs + ms), paused: true }];
  }

  /** It took `ms`; that is taken out of the phase around it. */
  loadEnded(ms: number, detail?: string): PhaseStep[] {
    this.loadOpenedAt = undefined;
    this.pausedMs = 0;
    if (this.finished || this.ended >= MODEL_LOAD) return [];
    if (detail !== undefined) this.loaded.add(detail);
    const first = !this.loadSeen;
    this.loadSeen = true;
    this.loadMs += ms;
    this.carvedMs += ms;
    const told = step('model-load', first ? 'started' : 'progress', this.loadMs, detail);
    return [{ ...told, paused: true }];
  }

  /** Nothing has to be loaded, for this reason; told when the phase ends, unless something is loaded after all. */
  loadNotNeeded(reason: string): void {
    this.noLoad = reason;
  }

  /** Ends what is left: the phase in progress by `outcome`, the ones never reached as skipped. */
  finish(outcome: 'done' | 'failed', at: number, detail?: string): PhaseStep[] {
    if (this.finished) return [];
    const steps: PhaseStep[] = [];
    const inLoad = this.loadOpenedAt !== undefined;
    this.settleOpenLoad(at);
    let last = outcome === 'done' ? RUNNING : Math.max(this.current, this.ended + 1);
    if (last === MODEL_LOAD && !inLoad) last = RUNNING;
    steps.push(...this.close(Math.min(last, RUNNING), at, 'not needed'));
    if (last !== MODEL_LOAD) {
      this.current = last;
      if (last === RUNNING) steps.push(...this.endLoad(inLoad ? outcome : 'done'));
      if (this.ended < last) steps.push(this.endCurrent(outcome, at, detail));
    }
    if (this.ended < MODEL_LOAD && this.loadSeen) {
      while (this.ended < MODEL_LOAD - 1) steps.push(this.skipNext(NOT_REACHED));
      steps.push(...this.endLoad(inLoad ? outcome : 'done'));
    }
    while (this.ended < RUNNING) steps.push(this.skipNext(NOT_REACHED));
    this.current = RUNNING;
    return steps;
  }

  /** Ends the phases before `index`, which is about to begin. */
  private close(index: number, at: number, skipReason: string): PhaseStep[] {
    const steps: PhaseStep[] = [];
    if (this.current === -1) this.startedAt = at;
    if (this.current >= 0 && this.current < index && this.ended < this.current) {
      steps.push(this.endCurrent('done', at));
    }
    while (this.ended + 1 < index && this.ended + 1 < MODEL_LOAD) {
      steps.push(this.skipNext(skipReason));
    }
    // A load within the body may follow, so only one that is over ends before running begins.
    const loadIsOver = this.loadSeen && this.loadOpenedAt === undefined && this.pausedMs === 0;
    if (index === RUNNING && this.ended === MODEL_LOAD - 1 && loadIsOver) {
      steps.push(...this.endLoad('done'));
    }
    return steps;
  }

  private endCurrent(status: 'done' | 'failed', at: number, detail?: string): PhaseStep {
    const ms = Math.max(0, at - this.startedAt - this.carvedMs);
    this.ended = this.current;
    this.startedAt = at;
    this.carvedMs = 0;
    return step(phaseAt(this.current), status, ms, detail);
  }

  private skipNext(reason: string): PhaseStep {
    this.ended += 1;
    return step(phaseAt(this.ended), 'skipped', undefined, reason);
  }

  private settleOpenLoad(at: number): void {
    const ms = this.loadOpenedAt === undefined ? this.pausedMs : at - this.loadOpenedAt;
    this.loadMs += ms;
    this.carvedMs += ms;
    this.loadOpenedAt = undefined;
    this.pausedMs = 0;
  }

  /** Names of what was loaded, the first few. */
  private loadDetail(): string | undefined {
    if (this.loaded.size === 0) return undefined;
    const names = [...this.loaded];
    const more = names.length - MAX_NAMES;
    return names.slice(0, MAX_NAMES).join(', ') + (more > 0 ? ` and ${more} more` : '');
  }

  private endLoad(outcome: 'done' | 'failed'): PhaseStep[] {
    if (this.ended >= MODEL_LOAD) return [];
    this.ended = MODEL_LOAD;
    if (!this.loadSeen) return [step('model-load', 'skipped', undefined, this.noLoad)];
    return [step('model-load', outcome, this.loadMs, this.loadDetail())];
  }
}

function phaseAt(index: number): Phase {
  const phase = phases[index];
  if (phase === undefined) throw new RangeError(`There is no phase ${index}.`);
  return phase;
}

function step(phase: Phase, status: PhaseStatus, ms?: number, detail?: string): PhaseStep {
  return {
    phase,
    status,
    ...(ms === undefined ? {} : { ms }),
    ...(detail === undefined ? {} : { detail }),
  };
}
