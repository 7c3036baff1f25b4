/** Adds up a cost report's rows for people. Pure. */
import type { UsageKind, UsageRow } from '../../runtime/protocol/metering';

export const usageGroups = ['function', 'app', 'day', 'gpu'] as const;
export type UsageGroup = (typeof usageGroups)[number];

export interface UsageTotal {
  /** What the rows have in common, such as `demo.train`. */
  name: string;
  /** ms of each kind; absent where there were none. */
  ms: Partial<Record<UsageKind, number>>;
  workedMs: number;
  usd: number;
}

const WORK: readonly UsageKind[] = ['imports', 'model-load', 'running'];

/** Totals by group: days in their order, everything else with the dearest first. */
export function totalUsage(rows: readonly UsageRow[], by: UsageGroup): UsageTotal[] {
  const totals = new Map<string, UsageTotal>();
  for (const row of rows) {
    const name = nameOf(row, by);
    const total = totals.get(name) ?? { name, ms: {}, workedMs: 0, usd: 0 };
    totals.set(name, total);
    total.ms[row.kind] = (total.ms[row.kind] ?? 0) + row.ms;
    total.usd += row.usd;
    if (WORK.includes(row.kind)) total.workedMs += row.ms;
  }
  const all = [...totals.values()];
  if (by === 'day') return all;
  return all.sort((a, b) => b.usd - a.usd || b.workedMs - a.workedMs || (a.name < b.name ? -1 : 1));
}

function nameOf(row: UsageRow, by: UsageGroup): string {
  switch (by) {
    case 'day':
      return row.day;
    case 'app':
      return row.app;
    case 'gpu':
      if (row.gpu === null) return 'CPU';
      return row.cards > 1 ? `${row.gpu}:${row.cards}` : row.gpu;
    case 'function':
      return row.function === '' ? `${row.app} (deploys, idle)` : `${row.app}.${row.function}`;
  }
}
