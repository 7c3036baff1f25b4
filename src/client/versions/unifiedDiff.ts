/** Two texts as a unified diff, as `diff -u` prints it. Pure. */
import { keptLines } from '../lineMatching';

/** Equal lines shown before and after a change. */
const AROUND = 3;

type Sign = ' ' | '-' | '+';

interface Line {
  sign: Sign;
  text: string;
}

/** Hunks without the two lines that name the files; empty where the texts are the same. */
export function unifiedHunks(before: string, after: string): string[] {
  const all = signed(linesOf(before), linesOf(after));
  const shown = near(all);
  const hunks: string[] = [];
  let [old, fresh] = [0, 0];
  for (let index = 0; index < all.length; index += 1) {
    if (!shown[index]) {
      // Lines that are far from any change are in both.
      old += 1;
      fresh += 1;
      continue;
    }
    let end = index;
    while (end < all.length && shown[end]) end += 1;
    const hunk = all.slice(index, end);
    const [removed, added] = [count(hunk, '-'), count(hunk, '+')];
    const [oldLines, freshLines] = [hunk.length - added, hunk.length - removed];
    hunks.push(`@@ -${range(old, oldLines)} +${range(fresh, freshLines)} @@`);
    hunks.push(...hunk.flatMap(({ sign, text }) => printed(sign, text)));
    old += oldLines;
    fresh += freshLines;
    index = end - 1;
  }
  return hunks;
}

/** What changes last has its place behind the removal of what it replaces. */
function signed(before: readonly string[], after: readonly string[]): Line[] {
  const lines: Line[] = [];
  let [left, right] = [0, 0];
  for (const [nextLeft, nextRight] of [
    ...keptLines(before, after),
    [before.length, after.length] as const,
  ]) {
    for (const text of before.slice(left, nextLeft)) lines.push({ sign: '-', text });
    for (const text of after.slice(right, nextRight)) lines.push({ sign: '+', text });
    const kept = before[nextLeft];
    if (kept !== undefined) lines.push({ sign: ' ', text: kept });
    left = nextLeft + 1;
    right = nextRight + 1;
  }
  return lines;
}

function near(lines: readonly Line[]): boolean[] {
  const shown = lines.map(() => false);
  for (const [index, { sign }] of lines.entries()) {
    if (sign === ' ') continue;
    const last = Math.min(lines.length - 1, index + AROUND);
    for (let at = Math.max(0, index - AROUND); at <= last; at += 1) shown[at] = true;
  }
  return shown;
}

/** Each with its line break: a last line without one is another line. */
function linesOf(text: string): string[] {
  return text === '' ? [] : text.split(/(?<=\n)/);
}

function printed(sign: Sign, text: string): string[] {
  if (text.endsWith('\n')) return [`${sign}${text.slice(0, -1)}`];
  return [`${sign}${text}`, '\\ No newline at end of file'];
}

function count(lines: readonly Line[], sign: Sign): number {
  return lines.filter((line) => line.sign === sign).length;
}

/** `start` counts from 0. Of no lines, the line before is named. */
function range(start: number, lines: number): string {
  const first = lines === 0 ? start : start + 1;
  return lines === 1 ? String(first) : `${first},${lines}`;
}
