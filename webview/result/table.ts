/** A table result, with the column names in sight while it scrolls. */
import type { Table } from '../../runtime/protocol/values';
import { h } from '../dom';
import { formatCount, plural } from '../../runtime/protocol/figures';

/** Says how much of the table is here: `1,000 of 12,345 rows · 4 columns`. Pure. */
export function tableCaption(table: Table): string {
  const rows =
    table.rows.length < table.totalRows
      ? `${formatCount(table.rows.length)} of ${plural(table.totalRows, 'row')}`
      : plural(table.totalRows, 'row');
  return `${rows} · ${plural(table.columns.length, 'column')}`;
}

export function tableView(table: Table): HTMLElement {
  const numeric = table.dtypes.map((dtype) => /^(u?int|float|complex)/i.test(dtype));
  const head = table.columns.map((name, index) =>
    h('th', { scope: 'col', class: numeric[index] && 'number', title: table.dtypes[index] }, name),
  );
  const rows = table.rows.map((row) =>
    h(
      'tr',
      {},
      ...row.map((value, index) =>
        h('td', { class: numeric[index] ? 'number' : value === null && 'null' }, cellText(value)),
      ),
    ),
  );
  return h(
    'div',
    { class: 'table-view' },
    h(
      'div',
      { class: 'table-scroll', tabindex: 0, role: 'region', 'aria-label': 'Table' },
      h('table', {}, h('thead', {}, h('tr', {}, ...head)), h('tbody', {}, ...rows)),
    ),
    h('p', { class: 'muted caption' }, tableCaption(table)),
  );
}

function cellText(value: unknown): string {
  if (value === null) return '–';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
