/** Figures of staging and production beside each other. */
import type { ComparedSide, TryComparison } from '../../runtime/protocol/tryState';
import { h } from '../dom';
import { compareRows } from '../../runtime/protocol/compareTexts';

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
