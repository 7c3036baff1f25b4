/** Which lines of a text are not as they were sent. Pure. */
import { keptLines } from '../../client/lineMatching';

/** Lines (from 0) of `now` that differ from, or are not in, `sent`; a deletion marks the line that closed the gap. */
export function changedLines(sent: string, now: string): number[] {
  const before = sent.split(/\r\n|\n/);
  const after = now.split(/\r\n|\n/);
  const pairs = keptLines(before, after);
  const kept = new Set(pairs.map(([, index]) => index));
  const changed = after.flatMap((_, index) => (kept.has(index) ? [] : [index]));
  if (changed.length > 0 || before.length === after.length) return changed;
  const gap = pairs.findIndex(([old, fresh]) => old !== fresh);
  return [gap === -1 ? after.length - 1 : gap];
}
