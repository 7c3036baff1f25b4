/** Where two JSON values differ, with a tolerance for numbers. Pure. */
import type { JsonDifference } from '../../../runtime/protocol/tryState';
import { keptLines } from '../lineMatching';

/** Differences that are told one by one; the rest is counted. */
const MAX_TOLD = 200;
/** Characters of a value that are shown. */
const MAX_SHOWN = 300;
/** Below this, values are compared as a whole. */
const MAX_DEPTH = 200;
/** Numbers so near to each other are equal wherever there is a tolerance: near 0 nothing is relatively near. */
const ABSOLUTE = 1e-12;

export interface JsonDiff {
  entries: JsonDifference[];
  total: number;
  /** The largest relative deviation among numbers that count as equal. */
  largest: number;
}

/** `tolerance`: relative deviation up to which two numbers are equal; 0 wants them the same. */
export function diffJson(staging: unknown, production: unknown, tolerance: number): JsonDiff {
  const found: JsonDiff = { entries: [], total: 0, largest: 0 };
  compare(staging, production, '', 0);
  return found;

  function tell(entry: JsonDifference): void {
    found.total += 1;
    if (found.entries.length < MAX_TOLD) found.entries.push(entry);
  }

  function compare(a: unknown, b: unknown, path: string, depth: number): void {
    if (typeof a === 'number' && typeof b === 'number' && near(a, b)) return;
    if (Object.is(a, b)) return;
    if (depth < MAX_DEPTH) {
      if (Array.isArray(a) && Array.isArray(b)) {
        compareLists(a, b, path, depth);
        return;
      }
      if (isRecord(a) && isRecord(b)) {
        compareRecords(a, b, path, depth);
        return;
      }
    } else if (JSON.stringify(a) === JSON.stringify(b)) return;
    tell({ path, kind: 'changed', staging: shown(a), production: shown(b) });
  }

  function near(a: number, b: number): boolean {
    const apart = Math.abs(a - b);
    if (apart === 0) return true;
    if (tolerance === 0) return false;
    const relative = apart / Math.max(Math.abs(a), Math.abs(b));
    if (relative > tolerance && apart > ABSOLUTE) return false;
    found.largest = Math.max(found.largest, relative);
    return true;
  }

  function compareRecords(
    a: Record<string, unknown>,
    b: Record<string, unknown>,
    path: string,
    depth: number,
  ): void {
    for (const [key, value] of Object.entries(a)) {
      const inner = keyPath(path, key);
      if (Object.hasOwn(b, key)) compare(value, b[key], inner, depth + 1);
      else only('staging', inner, value);
    }
    for (const [key, value] of Object.entries(b)) {
      if (!Object.hasOwn(a, key)) only('production', keyPath(path, key), value);
    }
  }

  /** Of one length: item by item. Else what both have stays, so that one item more is one difference. */
  function compareLists(
    a: readonly unknown[],
    b: readonly unknown[],
    path: string,
    depth: number,
  ): void {
    const kept: (readonly [number, number])[] =
      a.length === b.length
        ? []
        : keptLines(
            a.map((item) => JSON.stringify(item)),
            b.map((item) => JSON.stringify(item)),
          );
    let [left, right] = [0, 0];
    for (const [nextLeft, nextRight] of [...kept, [a.length, b.length] as const]) {
      while (left < nextLeft && right < nextRight) {
        compare(a[left], b[right], `${path}[${left}]`, depth + 1);
        left += 1;
        right += 1;
      }
      for (; left < nextLeft; left += 1) only('staging', `${path}[${left}]`, a[left]);
      for (; right < nextRight; right += 1) only('production', `${path}[${right}]`, b[right]);
      left = nextLeft + 1;
      right = nextRight + 1;
    }
  }

  function only(side: 'staging' | 'production', path: string, value: unknown): void {
    const other = side === 'staging' ? 'production' : 'staging';
    const text = { [side]: shown(value), [other]: null };
    tell({ path, kind: `only-${side}`, staging: null, production: null, ...text });
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function keyPath(path: string, key: string): string {
  if (!/^[A-Za-z_]\w*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' ? key : `${path}.${key}`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`;
}
