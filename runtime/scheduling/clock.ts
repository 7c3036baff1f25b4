/** The clock of scheduling; tests bring their own. */
export interface Clock {
  /** ms since the epoch, for people. */
  now(): number;
  /** ms from a monotonic clock, for durations. */
  monotonic(): number;
  /** Calls back once; returns the undo. */
  timer(ms: number, callback: () => void): () => void;
}

/** Longest delay that Node's timers take; a longer one fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer: (ms, callback) => {
    const timer = setTimeout(callback, Math.min(Math.max(0, ms), MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
};
