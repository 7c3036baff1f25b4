/** Figures of staging and production beside each other. */
import type { ComparedSide, TryComparison } from '../../runtime/protocol/tryState';
import { formatBytes, formatMs, formatUsd, plural } from '../../runtime/protocol/figures';
import { h } from '../dom';

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

export function compareTable(comparison: TryComparison): HTMLElement {
  const { staging, production } = comparison;
  const head = (title: string, side: ComparedSide): HTMLElement =>
    h('th', { scope: 'col' }, title, h('span', { class: 'muted' }, ` version ${side.version}`));
  const body = compareRows(comparison).map(([name, ...cells]) =>
    h(
      'tr',
      {},
      h('th', { scope: 'row' }, name),
      ...cells.map(({ figure, note }) =>
        h('td', {}, figure, note === '' ? null : h('span', { class: 'muted' }, ` ${note}`)),
      ),
    ),
  );
  return h(
    'table',
    { class: 'compare-table', 'data-testid': 'compare-table' },
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        h('th', { scope: 'col' }, h('span', { class: 'sr-only' }, 'Figure')),
        head('Staging', staging),
        head('Production', production),
      ),
    ),
    h('tbody', {}, ...body),
  );
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
