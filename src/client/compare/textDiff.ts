/** Where two texts differ, line by line, with the lines around. Pure. */
import type { TextLine } from '../../../runtime/protocol/tryState';
import { keptLines } from '../lineMatching';

/** Lines that are told; the rest is counted. */
const MAX_TOLD = 400;
/** Equal lines shown before and after a difference. */
const AROUND = 2;

/** `total`: lines that only one side has; none where the texts are equal. */
export function diffText(
  staging: string,
  production: string,
): { lines: TextLine[]; total: number } {
  const [a, b] = [staging.split(/\r\n|\n/), production.split(/\r\n|\n/)];
  const all: TextLine[] = [];
  let [left, right] = [0, 0];
  for (const [nextLeft, nextRight] of [...keptLines(a, b), [a.length, b.length] as const]) {
    for (const text of a.slice(left, nextLeft)) all.push({ side: 'staging', text });
    for (const text of b.slice(right, nextRight)) all.push({ side: 'production', text });
    const kept = a[nextLeft];
    if (kept !== undefined) all.push({ side: 'both', text: kept });
    left = nextLeft + 1;
    right = nextRight + 1;
  }
  const near = new Set<number>();
  for (const [index, { side }] of all.entries()) {
    if (side === 'both') continue;
    for (let at = index - AROUND; at <= index + AROUND; at += 1) near.add(at);
  }
  return {
    lines: all.filter((_, index) => near.has(index)).slice(0, MAX_TOLD),
    total: all.filter(({ side }) => side !== 'both').length,
  };
}
