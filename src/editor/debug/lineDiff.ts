/** Which lines of a text are not as they were sent. Pure. */

/** Beyond this many cells the middle counts as changed as a whole: exactness is not worth a pause. */
const MAX_CELLS = 4_000_000;

/** Lines (from 0) of `now` that differ from, or are not in, `sent`; a deletion marks the line that closed the gap. */
export function changedLines(sent: string, now: string): number[] {
  const before = sent.split(/\r\n|\n/);
  const after = now.split(/\r\n|\n/);
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start])
    start += 1;
  let end = 0;
  while (
    end < before.length - start &&
    end < after.length - start &&
    before[before.length - 1 - end] === after[after.length - 1 - end]
  ) {
    end += 1;
  }
  const old = before.slice(start, before.length - end);
  const fresh = after.slice(start, after.length - end);
  if (fresh.length === 0) return old.length === 0 ? [] : [Math.min(start, after.length - 1)];
  const kept = old.length * fresh.length > MAX_CELLS ? new Set<number>() : common(old, fresh);
  return fresh.flatMap((_, index) => (kept.has(index) ? [] : [start + index]));
}

/** Indexes in `fresh` of a longest common subsequence with `old`. */
function common(old: readonly string[], fresh: readonly string[]): Set<number> {
  const width = fresh.length + 1;
  const lengths = new Uint32Array((old.length + 1) * width);
  const at = (row: number, column: number): number => lengths[row * width + column] ?? 0;
  for (let row = old.length - 1; row >= 0; row -= 1) {
    for (let column = fresh.length - 1; column >= 0; column -= 1) {
      lengths[row * width + column] =
        old[row] === fresh[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const kept = new Set<number>();
  let row = 0;
  let column = 0;
  while (row < old.length && column < fresh.length) {
    if (old[row] === fresh[column]) {
      kept.add(column);
      row += 1;
      column += 1;
    } else if (at(row + 1, column) >= at(row, column + 1)) row += 1;
    else column += 1;
  }
  return kept;
}
