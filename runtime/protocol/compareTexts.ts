/** A comparison in words and figures. Pure. */
import type { ComparedSide, TryComparison } from './tryState';
import { formatBytes, formatMs, formatUsd, plural } from './figures';

/** A figure with what a reader must know beside it. */
export interface Cell {
  figure: string;
  note: string;
}

const UNKNOWN: Cell = { figure: 'unknown', note: '' };

/** The rows of the table: a name, and a cell for each side. Pure. */
export function compareRows({
  staging,
  production,
}: Pick<TryComparison, 'staging' | 'production'>): [name: string, Cell, Cell][] {
  const rows: [string, (side: ComparedSide) => Cell][] = [
    ['Latency p50', (side) => latency(side, side.p50Ms)],
    ['Latency p95', (side) => latency(side, side.p95Ms)],
    ['Cold calls', cold],
    ['Memory peak', memory],
    ['Cost per call', cost],
    ['Calls', calls],
  ];
  return rows.map(([name, of]) => [name, of(staging), of(production)]);
}

/** The finding in a sentence. */
export function verdict({ pairs, differing, difference, tolerance }: TryComparison): string {
  if (pairs === 0) return 'Nothing to compare yet.';
  const of = pairs === 1 ? 'the one pair of calls' : `${differing} of ${pairs} pairs of calls`;
  if (differing > 0) return `Results differ in ${of}.`;
  const all = pairs === 1 ? 'the one pair of calls' : `all ${pairs} pairs of calls`;
  const largest = difference?.kind === 'equal' ? difference.largest : 0;
  const within =
    largest > 0
      ? `, within ${toleranceText(tolerance)}: numbers are at most ${largest.toExponential(1)} apart, relative`
      : '';
  return `Results are equal in ${all}${within}.`;
}

/** How far a comparison is. */
export function progressText({ of, status, calls, staging, production }: TryComparison): string {
  const made = [staging, production].reduce((sum, { done, failed }) => sum + done + failed, 0);
  const all = 2 * calls;
  switch (status) {
    case 'active':
      return `Called ${of} ${made} of ${all} times, the two environments in turn…`;
    case 'done':
      return `Called ${of} ${all} times, the two environments in turn.`;
    case 'cancelled':
      return `Cancelled after ${made} of ${all} calls of ${of}.`;
    case 'failed':
      return `Stopped after ${made} of ${all} calls of ${of}.`;
  }
}

/** What each input showed; nothing where there is but one. */
export function inputTexts({
  inputs,
}: TryComparison): { label: string; text: string; differs: boolean }[] {
  if (inputs.length < 2) return [];
  return inputs.map(({ label, pairs, differing }) => ({
    label,
    differs: differing > 0,
    text:
      pairs === 0
        ? 'not called yet'
        : differing === 0
          ? `equal in ${plural(pairs, 'pair')}`
          : `differs in ${differing} of ${plural(pairs, 'pair')}`,
  }));
}

/** Which input a difference is of, where there are several. */
export function differsText({ inputs, differsFirst }: TryComparison): string | null {
  if (inputs.length < 2 || differsFirst === null) return null;
  return `The first that differs: ${inputs[differsFirst]?.label ?? ''}`;
}

/** `1e-6`, as people write it. */
export function toleranceText(tolerance: number): string {
  return tolerance > 0 && tolerance < 0.001 ? tolerance.toExponential() : String(tolerance);
}

function latency({ timed, coldOnly, coldMs }: ComparedSide, ms: number | null): Cell {
  if (ms === null) return UNKNOWN;
  if (coldOnly) return { figure: formatMs(ms), note: `of ${plural(timed, 'cold call')}` };
  const left = coldMs.length === 0 ? '' : `, ${coldMs.length} cold left out`;
  return { figure: formatMs(ms), note: `of ${plural(timed, 'call')}${left}` };
}

function cold({ coldMs, coldOnly, done }: ComparedSide): Cell {
  if (done === 0) return UNKNOWN;
  if (coldMs.length === 0) return { figure: 'none', note: '' };
  const longest = formatMs(Math.max(...coldMs));
  const took = coldMs.length === 1 ? `took ${longest}` : `the longest took ${longest}`;
  return { figure: String(coldMs.length), note: coldOnly ? `${took}, every call` : took };
}

function memory({ memory: peak }: ComparedSide): Cell {
  if (peak === null) return { figure: 'unknown', note: 'over before a sample was taken' };
  const { device, bytes } = peak;
  return { figure: formatBytes(bytes), note: device === 'host' ? 'host memory' : device };
}

function cost({ usdPerCall, costNote }: ComparedSide): Cell {
  return usdPerCall === null ? UNKNOWN : { figure: formatUsd(usdPerCall), note: costNote ?? '' };
}

function calls({ done, failed, steady }: ComparedSide): Cell {
  const notes = [
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(steady === false ? ['results vary from call to call'] : []),
  ];
  return { figure: `${done} returned`, note: notes.join(', ') };
}
