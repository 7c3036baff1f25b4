/**
 * The runtime's clock as seen from the page. Phases and samples carry the runtime's time, and the page may
 * be on another machine: durations that are still growing must not depend on the two agreeing. Pure.
 */
import type { RunRecord } from '../runtime/protocol/runRecord';

export interface RunClock {
  /** Page time minus runtime time, ms, delivery included. */
  offsetMs: number;
  /** Newest runtime time that was seen, ms since the epoch. */
  newestAt: number;
  /** Measured on an event that came live, not on a snapshot of unknown age. */
  measured: boolean;
}

export const unknownClock: RunClock = { offsetMs: 0, newestAt: 0, measured: false };

/** The newest runtime time in a record, or 0. */
function newestStamp(record: RunRecord): number {
  const stamps = record.phases.map((phase) =>
    phase.startedAt === null ? 0 : phase.startedAt + (phase.ms ?? 0),
  );
  return Math.max(0, ...stamps, record.memory.at(-1)?.at ?? 0, record.cost?.at ?? 0);
}

/**
 * Takes in a record that arrived at `now` (page time). `live`: it came because something just happened,
 * so its newest stamp is now on the runtime.
 */
export function observeRecord(
  clock: RunClock,
  record: RunRecord,
  now: number,
  live: boolean,
): RunClock {
  const newestAt = newestStamp(record);
  if (newestAt <= clock.newestAt) return clock;
  const offsetMs = now - newestAt;
  if (live) {
    const best = clock.measured ? Math.min(clock.offsetMs, offsetMs) : offsetMs;
    return { offsetMs: best, newestAt, measured: true };
  }
  if (clock.measured) return { ...clock, newestAt };
  return { offsetMs: Math.min(0, offsetMs), newestAt, measured: false };
}

/** The runtime's time at page time `now`. */
export function runtimeNow(clock: RunClock, now: number): number {
  return Math.max(clock.newestAt, now - clock.offsetMs);
}
