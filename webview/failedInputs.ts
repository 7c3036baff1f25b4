/** The inputs of a batch that failed, folded under their count, and the button that runs them again. */
import {
  failedInputTexts,
  failedTitle,
  notKeptText,
  rerunTitle,
} from '../runtime/protocol/batchTexts';
import type { RunRecord } from '../runtime/protocol/runRecord';
import { button } from './controls';
import { h, setText, show } from './dom';
import type { Host } from './host';

export interface FailedInputsView {
  readonly element: HTMLElement;
  update(record: RunRecord): void;
}

export function createFailedInputs(host: Host): FailedInputsView {
  let run = '';
  const title = h('summary', { 'data-testid': 'failed-inputs-title' });
  const list = h('ol', {
    class: 'failed-inputs-list',
    'data-testid': 'failed-inputs',
    tabindex: 0,
  });
  list.setAttribute('aria-label', 'Inputs that failed');
  const details = h('details', {}, title, list);
  // A text of its own: the control gives elements in it the size of an icon.
  const label = document.createTextNode('');
  const rerun = button({
    label: '',
    icon: 'rerun',
    kind: 'secondary',
    testId: 'rerun-failed',
    onClick: () => {
      host.post({ type: 'rerunFailed', run });
    },
  });
  rerun.classList.add('failed-inputs-rerun');
  rerun.append(label);
  const lost = h('p', { class: 'muted', 'data-testid': 'failed-inputs-lost' });
  const element = h('div', { class: 'failed-inputs', hidden: true }, rerun, details, lost);
  details.addEventListener('toggle', () => {
    if (details.open) list.scrollIntoView({ block: 'nearest' });
  });
  return {
    element,
    update: ({ run: shown, status, batch, failedInputs }) => {
      show(element, batch !== null && failedInputs.length > 0);
      if (batch === null) return;
      if (shown !== run) {
        run = shown;
        details.open = false;
        list.replaceChildren();
      }
      setText(title, failedTitle(batch, failedInputs.length));
      // More may fail while it goes on.
      const again = status === 'active' ? undefined : rerunTitle(batch);
      const missing = status === 'active' ? undefined : notKeptText(batch);
      show(rerun, again !== undefined);
      const text = again ?? '';
      if (label.data !== text) label.data = text;
      show(lost, missing !== undefined);
      setText(lost, missing ?? '');
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
