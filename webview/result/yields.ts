/** What a generator yielded so far, growing at its end. */
import type { ResultValue } from '../../runtime/protocol/values';
import { h, setText } from '../dom';
import { plural } from '../../runtime/protocol/figures';
import { imageSource, oneLine } from './mime';

/** The record keeps this many of the newest items. */
const KEPT = 1000;

export interface YieldsView {
  readonly element: HTMLElement;
  update(items: readonly ResultValue[]): void;
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

function itemRow(item: ResultValue): HTMLElement {
  if ('mime' in item) {
    for (const mime of ['image/png', 'image/jpeg', 'image/svg+xml']) {
      const data = item.mime[mime];
      if (typeof data === 'string') {
        return h('li', {}, h('img', { src: imageSource(mime, data), alt: oneLine(item) }));
      }
    }
  }
  return h('li', {}, oneLine(item));
}
