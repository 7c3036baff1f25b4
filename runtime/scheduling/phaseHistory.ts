/**
 * How long phases took in earlier runs of a function: what a person may expect of the next one. A phase that may
 * happen in several ways has a history for each.
 */
import type { ImageWork } from '../engines/engine';
import type { RunEvent } from '../protocol/events';
import type { Phase } from '../protocol/phases';
import type { PhaseDurations, PhaseTimeStore } from '../store/phaseTimes';

const KEPT_RUNS = 15;
const MAX_FUNCTIONS = 500;

/**
 * Image: `pull`, `build`, both, or `check` where it was only looked at. Container: `cold`. Imports: `cold`, `new code`
 * in a warm container, `zygote` where its packages were imported ahead, `debugged`. `joined`: the run came when it
 * was going on, so that how long it took for the run tells nothing.
 */
export type PhaseWay =
  | 'pull'
  | 'build'
  | 'pull and build'
  | 'check'
  | 'cold'
  | 'new code'
  | 'zygote'
  | 'debugged'
  | 'joined';

/** The way of an image, out of all that was done for it so far. */
export function imageWay(works: ReadonlySet<ImageWork>): PhaseWay {
  if (works.has('joined')) return 'joined';
  if (works.has('build')) return works.has('pull') ? 'pull and build' : 'build';
  return works.has('pull') ? 'pull' : 'check';
}

export class PhaseHistory {
  private readonly functions: Map<string, PhaseDurations>;

  constructor(
    private readonly store: PhaseTimeStore,
    private readonly maxFunctions = MAX_FUNCTIONS,
  ) {
    this.functions = new Map(store.load());
    this.limit();
  }

  /** Notes the phases of a run that succeeded; `at` in ms since the epoch. */
  add(key: string, events: readonly RunEvent[], at: number): void {
    const durations = { ...this.functions.get(key) };
    for (const event of events) {
      if (event.type !== 'phase' || event.status !== 'done' || event.ms === undefined) continue;
      const { phase, way } = event;
      // Of a phase that happens in ways, what was kept before they were told apart is no measure.
      if (way !== undefined) delete durations[phase];
      if (way === 'joined') continue;
      const name = nameOf(phase, way);
      durations[name] = [...(durations[name] ?? []), event.ms].slice(-KEPT_RUNS);
    }
    this.functions.delete(key);
    this.functions.set(key, durations);
    this.store.save(key, durations, at);
    this.limit();
  }

  /** Median in ms, or undefined where nothing is known. */
  expectedMs(key: string, phase: Phase, way?: PhaseWay): number | undefined {
    const durations = this.functions.get(key)?.[nameOf(phase, way)];
    if (durations === undefined) return undefined;
    return [...durations].sort((a, b) => a - b)[durations.length >> 1];
  }

  /** Forgets the functions that ran longest ago. */
  private limit(): void {
    for (const key of this.functions.keys()) {
      if (this.functions.size <= this.maxFunctions) return;
      this.functions.delete(key);
      this.store.forget(key);
    }
  }
}

function nameOf(phase: Phase, way: string | undefined): string {
  return way === undefined ? phase : `${phase}: ${way}`;
}
