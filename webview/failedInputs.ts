/** The inputs of a batch that failed, folded under their count. */
import { failedInputTexts, failedTitle } from '../runtime/protocol/batchTexts';
import type { RunRecord } from '../runtime/protocol/runRecord';
import { h, setText, show } from './dom';

export interface FailedInputsView {
  readonly element: HTMLElement;
  update(record: RunRecord): void;
}

export function createFailedInputs(): FailedInputsView {
  const title = h('summary', { 'data-testid': 'failed-inputs-title' });
  const list = h('ol', {
    class: 'failed-inputs-list',
    'data-testid': 'failed-inputs',
    tabindex: 0,
  });
  list.setAttribute('aria-label', 'Inputs that failed');
  const element = h('details', { class: 'failed-inputs', hidden: true }, title, list);
  element.addEventListener('toggle', () => {
    if (element.open) list.scrollIntoView({ block: 'nearest' });
  });
  let run = '';
  return {
    element,
    update: ({ run: shown, batch, failedInputs }) => {
      show(element, batch !== null && failedInputs.length > 0);
      if (batch === null) return;
      if (shown !== run) {
        run = shown;
        element.open = false;
        list.replaceChildren();
      }
      setText(title, failedTitle(batch, failedInputs.length));
      // They only become more: what a person has selected stays.
      list.append(...failedInputs.slice(list.childElementCount).map(row));
    },
  };
}

function row(failed: RunRecord['failedInputs'][number]): HTMLElement {
  const { input, error } = failedInputTexts(failed);
  return h(
    'li',
    { title: `${input}\n${error}` },
    h('code', {}, input),
    h('span', { class: 'failed-inputs-error' }, error),
  );
}
