/** Tells a phase that is slow from one that goes its usual way. Pure. */
import { formatMs } from './figures';
import type { PhaseRecord } from './runRecord';

/** Beyond this many times of what it usually takes, and by at least so many ms, a phase is slow. */
const SLOW_TIMES = 2;
const SLOW_BY_MS = 1000;

/** `slower than usual (usually 2.00 s)` of a phase that has gone on for `elapsedMs`; null where it is not slow. */
export function slowness(
  { expectedMs }: Pick<PhaseRecord, 'expectedMs'>,
  elapsedMs: number,
): string | null {
  if (expectedMs === null) return null;
  const slowMs = Math.max(expectedMs * SLOW_TIMES, expectedMs + SLOW_BY_MS);
  return elapsedMs < slowMs ? null : `slower than usual (usually ${formatMs(expectedMs)})`;
}
