/** What differs between two results: places of JSON, or lines of text. */
import type { JsonDifference, ResultDifference, TextLine } from '../../runtime/protocol/tryState';
import { plural } from '../../runtime/protocol/figures';
import { h } from '../dom';

/** Draws the difference of the first pair that differs; nothing where there is none. */
export function differenceView(difference: ResultDifference | null): HTMLElement | null {
  switch (difference?.kind) {
    case undefined:
    case 'equal':
      return null;
    case 'json':
      return jsonView(difference.entries, difference.total);
    case 'text':
      return textView(difference.lines, difference.total);
    case 'other':
      return h('p', {}, difference.text);
  }
}

function jsonView(entries: readonly JsonDifference[], total: number): HTMLElement {
  const heads = ['Where', 'Staging', 'Production'];
  return h(
    'div',
    {},
    h('p', { class: 'muted' }, counted(total, entries.length, 'difference')),
    h(
      'table',
      { class: 'diff-table' },
      h('thead', {}, h('tr', {}, ...heads.map((head) => h('th', { scope: 'col' }, head)))),
      h('tbody', {}, ...entries.map(jsonRow)),
    ),
  );
}

function jsonRow({ path, staging, production }: JsonDifference): HTMLElement {
  const cell = (value: string | null, side: string): HTMLElement =>
    value === null
      ? h('td', { class: 'muted' }, 'not there')
      : h('td', { class: `diff-${side}` }, h('code', {}, value));
  return h(
    'tr',
    {},
    h('th', { scope: 'row' }, path === '' ? 'the whole result' : path),
    cell(staging, 'staging'),
    cell(production, 'production'),
  );
}

const marks: Record<TextLine['side'], { sign: string; spoken: string }> = {
  both: { sign: ' ', spoken: '' },
  staging: { sign: '+', spoken: 'only in staging: ' },
  production: { sign: '−', spoken: 'only in production: ' },
};

function textView(lines: readonly TextLine[], total: number): HTMLElement {
  const told = lines.filter(({ side }) => side !== 'both').length;
  return h(
    'div',
    {},
    h(
      'p',
      { class: 'muted' },
      `${counted(total, told, 'line')} · + only in staging, − only in production`,
    ),
    h(
      'ol',
      { class: 'diff-lines' },
      ...lines.map(({ side, text }) =>
        h(
          'li',
          { class: `diff-line diff-${side}` },
          h('span', { class: 'diff-sign', 'aria-hidden': 'true' }, marks[side].sign),
          h('span', { class: 'sr-only' }, marks[side].spoken),
          text === '' ? '\u200b' : text,
        ),
      ),
    ),
  );
}

function counted(total: number, told: number, what: string): string {
  const differ = total === 1 ? `1 ${what} differs` : `${plural(total, what)} differ`;
  const text = what === 'difference' ? plural(total, what) : differ;
  return total > told ? `${text}, of which the first ${told} are shown` : text;
}
