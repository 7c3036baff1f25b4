/** What a generator yielded so far, or what inputs that ran again gave, growing at its end. */
import { inputName } from '../../runtime/protocol/batchTexts';
import type { RunRecord } from '../../runtime/protocol/runRecord';
import type { ResultValue } from '../../runtime/protocol/values';
import { h, setText } from '../dom';
import { plural } from '../../runtime/protocol/figures';
import { imageSource, oneLine } from './mime';

/** The record keeps this many of the newest items. */
const KEPT = 1000;

export interface Item {
  /** Of which input it is. */
  name?: string;
  value: ResultValue;
}

export interface YieldsView {
  readonly element: HTMLElement;
  update(items: readonly Item[]): void;
}

/** What a run gave piece by piece. */
export function itemsOf({ yields, inputResults }: RunRecord): Item[] {
  const inputs = inputResults.map((one) => ({ name: inputName(one), value: one.result }));
  return [...yields.map((value) => ({ value })), ...inputs];
}

export function createYields(): YieldsView {
  const count = h('p', { class: 'muted caption' });
  const list = h('ol', { class: 'yields' });
  const element = h('div', { class: 'yields-view' }, count, list);
  let shown = 0;
  return {
    element,
    update: (items) => {
      // A full record drops from its front, so positions no longer tell old items from new ones.
      if (items.length < shown || items.length >= KEPT) {
        list.replaceChildren();
        shown = 0;
      }
      list.append(...items.slice(shown).map(itemRow));
      shown = items.length;
      setText(
        count,
        items.length >= KEPT ? `The newest ${plural(KEPT, 'item')}` : plural(items.length, 'item'),
      );
    },
  };
}

function itemRow({ name, value }: Item): HTMLElement {
  const shown = itemNode(value);
  if (name === undefined) return h('li', {}, shown);
  return h('li', { class: 'named' }, h('span', { class: 'item-name' }, name), shown);
}

function itemNode(value: ResultValue): HTMLElement | string {
  if ('mime' in value) {
    for (const mime of ['image/png', 'image/jpeg', 'image/svg+xml']) {
      const data = value.mime[mime];
      if (typeof data === 'string') {
        return h('img', { src: imageSource(mime, data), alt: oneLine(value) });
      }
    }
  }
  return oneLine(value);
}
