/** A comparison of two environments for a terminal. Pure. */
import { compareRows, inputTexts, differsText, verdict } from '../../runtime/protocol/compareTexts';
import type { ResultDifference, TryComparison } from '../../runtime/protocol/tryState';
import { formatTable } from '../client/textTable';
import type { Paint } from './terminal';

/** Differences that are printed; `--json` has those that are told at all. */
const SHOWN = 40;

export function comparisonText(comparison: TryComparison, paint: Paint): string {
  const { staging, production, notes, difference, differing } = comparison;
  const heading = (name: string, version: number): string => `${name} (version ${version})`;
  const rows = compareRows(comparison).map(([name, ...cells]) => [
    name,
    ...cells.map(({ figure, note }) => (note === '' ? figure : `${figure} (${note})`)),
  ]);
  const of = differsText(comparison);
  const finding = verdict(comparison);
  return [
    formatTable(
      ['', heading('STAGING', staging.version), heading('PRODUCTION', production.version)],
      rows,
    ),
    '',
    ...notes,
    differing > 0 ? paint.red(finding) : paint.green(finding),
    ...inputTexts(comparison).map(({ label, text }) => `  ${label}: ${text}`),
    ...(of === null ? [] : [of]),
    ...(difference === null ? [] : differenceLines(difference, paint)),
  ].join('\n');
}

/** `−` is what production gives, `+` what staging gives in its place. */
function differenceLines(difference: ResultDifference, { red, green }: Paint): string[] {
  switch (difference.kind) {
    case 'equal':
      return [];
    case 'other':
      return [`  ${difference.text}`];
    case 'json': {
      const { entries, total } = difference;
      const lines = entries
        .slice(0, SHOWN)
        .flatMap(({ path, staging, production }) => [
          `  ${path === '' ? 'the whole result' : path}`,
          ...(production === null ? [] : [red(`    − ${production}`)]),
          ...(staging === null ? [] : [green(`    + ${staging}`)]),
        ]);
      return [...lines, ...more(total - Math.min(entries.length, SHOWN), 'differences')];
    }
    case 'text': {
      const signs = { both: '  ', staging: '+ ', production: '− ' } as const;
      const lines = difference.lines.slice(0, SHOWN).map(({ side, text }) => {
        const line = `  ${signs[side]}${text}`;
        return side === 'both' ? line : side === 'staging' ? green(line) : red(line);
      });
      return [...lines, ...more(difference.lines.length - lines.length, 'lines')];
    }
  }
}

function more(count: number, what: string): string[] {
  return count > 0 ? [`  … and ${count} more ${what}`] : [];
}
