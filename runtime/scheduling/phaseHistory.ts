/** How long phases took in earlier runs of a function: what a person may expect of the next one. */
import type { RunEvent } from '../protocol/events';
import type { Phase } from '../protocol/phases';

const KEPT_RUNS = 15;
const MAX_FUNCTIONS = 500;

export class PhaseHistory {
  private readonly functions = new Map<string, Map<Phase, number[]>>();

  /** Notes the phases of a run that succeeded. */
  add(key: string, events: readonly RunEvent[]): void {
    const phases = this.functions.get(key) ?? new Map<Phase, number[]>();
    for (const event of events) {
      if (event.type !== 'phase' || event.status !== 'done' || event.ms === undefined) continue;
      const durations = [...(phases.get(event.phase) ?? []), event.ms].slice(-KEPT_RUNS);
      phases.set(event.phase, durations);
    }
    this.functions.delete(key);
    this.functions.set(key, phases);
    const oldest = this.functions.keys().next();
    if (this.functions.size > MAX_FUNCTIONS && oldest.done !== true) {
      this.functions.delete(oldest.value);
    }
  }

  /** Median in ms, or undefined where nothing is known. */
  expectedMs(key: string, phase: Phase): number | undefined {
    const durations = this.functions.get(key)?.get(phase);
    if (durations === undefined) return undefined;
    return [...durations].sort((a, b) => a - b)[durations.length >> 1];
  }
}
