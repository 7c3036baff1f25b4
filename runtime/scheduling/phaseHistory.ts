/** How long phases took in earlier runs of a function: what a person may expect of the next one. */
import type { RunEvent } from '../protocol/events';
import type { Phase } from '../protocol/phases';
import type { PhaseDurations, PhaseTimeStore } from '../store/phaseTimes';

const KEPT_RUNS = 15;
const MAX_FUNCTIONS = 500;

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
      durations[event.phase] = [...(durations[event.phase] ?? []), event.ms].slice(-KEPT_RUNS);
    }
    this.functions.delete(key);
    this.functions.set(key, durations);
    this.store.save(key, durations, at);
    this.limit();
  }

  /** Median in ms, or undefined where nothing is known. */
  expectedMs(key: string, phase: Phase): number | undefined {
    const durations = this.functions.get(key)?.[phase];
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
