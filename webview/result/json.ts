/** A JSON value as a tree that opens part by part. */
import { h } from '../dom';

const CHILDREN_AT_ONCE = 100;
const TEXT_SHOWN = 2_000;
/** Depth that is open at first. */
const OPEN_DEPTH = 2;

/** Draws a value. Long lists and texts are cut, with a button for more. */
export function jsonTree(value: unknown): HTMLElement {
  return h('div', { class: 'json' }, node(null, value, 0));
}

function node(key: string | null, value: unknown, depth: number): HTMLElement {
  if (typeof value !== 'object' || value === null) {
    return h('div', { class: 'json-leaf' }, keyLabel(key), scalar(value));
  }
  const entries: [string, unknown][] = Array.isArray(value)
    ? value.map((item, index) => [String(index), item])
    : Object.entries(value);
  const isList = Array.isArray(value);
  if (entries.length === 0) {
    return h('div', { class: 'json-leaf' }, keyLabel(key), isList ? '[]' : '{}');
  }
  const children = h('div', { class: 'json-children' });
  const summary = h(
    'summary',
    {},
    keyLabel(key),
    h('span', { class: 'muted' }, isList ? `[${entries.length}]` : `{${entries.length}}`),
  );
  const details = h('details', { class: 'json-node' }, summary, children);
  const fill = (): void => {
    if (children.childElementCount === 0) addChildren(children, entries, 0, depth + 1);
  };
  details.addEventListener('toggle', fill);
  if (depth < OPEN_DEPTH && entries.length <= CHILDREN_AT_ONCE) {
    fill();
    details.open = true;
  }
  return details;
}

function addChildren(
  parent: HTMLElement,
  entries: readonly [string, unknown][],
  from: number,
  depth: number,
): void {
  const part = entries.slice(from, from + CHILDREN_AT_ONCE);
  parent.append(...part.map(([key, value]) => node(key, value, depth)));
  const left = entries.length - from - part.length;
  if (left === 0) return;
  const more = h(
    'button',
    { type: 'button', class: 'more' },
    `Show ${Math.min(left, CHILDREN_AT_ONCE)} more of ${left}`,
  );
  more.addEventListener('click', () => {
    more.remove();
    addChildren(parent, entries, from + part.length, depth);
  });
  parent.append(more);
}

function keyLabel(key: string | null): Node | null {
  return key === null ? null : h('span', { class: 'json-key' }, `${key}: `);
}

function scalar(value: unknown): Node {
  if (value === null) return h('span', { class: 'json-null' }, 'null');
  if (typeof value !== 'string') {
    return h('span', { class: `json-${typeof value}` }, JSON.stringify(value));
  }
  const quoted = JSON.stringify(value);
  if (quoted.length <= TEXT_SHOWN) return h('span', { class: 'json-string' }, quoted);
  const text = h('span', { class: 'json-string' }, `${quoted.slice(0, TEXT_SHOWN)}…`);
  const more = h('button', { type: 'button', class: 'more' }, 'Show all');
  more.addEventListener('click', () => {
    text.textContent = quoted;
    more.remove();
  });
  return h('span', {}, text, more);
}
