/** What to do with the inputs: call, compare, cancel, take those of an earlier call. */
import { plural } from '../../runtime/protocol/figures';
import { COMPARE_CALLS, COMPARE_INPUTS, type TryState } from '../../runtime/protocol/tryState';
import { button, picker, progressRing, setDisabled } from '../controls';
import { h, setText, show } from '../dom';
import type { Host } from '../host';

export interface TryActions {
  readonly element: HTMLElement;
  update(state: TryState): void;
}

const working: Record<TryState['busy'], string> = {
  no: '',
  preparing: 'Connecting…',
  calling: 'Calling…',
  comparing: 'Comparing…',
};

export function createTryActions(host: Host): TryActions {
  let calls: (typeof COMPARE_CALLS)[number] = 5;
  /** Those of the form, and so many more of earlier calls. */
  let inputs = 1;
  const call = button({
    label: 'Call',
    icon: 'call',
    kind: 'primary',
    testId: 'try-call',
    onClick: () => {
      host.post({ type: 'tryCall' });
    },
  });
  const cancel = button({
    label: 'Cancel',
    icon: 'stop',
    kind: 'secondary',
    testId: 'try-cancel',
    onClick: () => {
      host.post({ type: 'tryCancel' });
    },
  });
  const busy = h('span', { class: 'try-busy muted' });
  const saved = picker({
    label: 'Inputs of earlier calls',
    onPick: (index) => {
      if (index !== '') host.post({ type: 'trySaved', index: Number(index) });
    },
  });
  saved.element.dataset.testid = 'try-saved';
  const compare = button({
    label: 'Compare',
    icon: 'compare',
    kind: 'secondary',
    testId: 'try-compare',
    onClick: () => {
      host.post({ type: 'tryCompare', calls, inputs });
    },
  });
  const count = picker({
    label: 'How often each environment is called',
    onPick: (id) => {
      calls = COMPARE_CALLS.find((each) => String(each) === id) ?? calls;
    },
  });
  count.element.dataset.testid = 'compare-calls';
  count.update(
    COMPARE_CALLS.map((each) => ({
      id: String(each),
      label: each === 1 ? '1 call each' : `${each} calls each`,
    })),
    String(calls),
  );
  const given = picker({
    label: 'Inputs that both are called with',
    onPick: (id) => {
      inputs = Number(id);
    },
  });
  given.element.dataset.testid = 'compare-inputs';
  const reason = h('p', { class: 'muted' });
  const element = h(
    'div',
    { class: 'try-actions' },
    h('div', { class: 'try-row' }, call, cancel, busy, saved.element),
    h('div', { class: 'try-row' }, compare, count.element),
    given.element,
    reason,
  );
  let shown: TryState['busy'] = 'no';
  return {
    element,
    update: (state) => {
      const idle = state.busy === 'no';
      show(call, idle);
      show(cancel, !idle);
      setDisabled(call, state.version === null);
      setDisabled(compare, !idle || state.notComparable !== null);
      setText(reason, state.notComparable ?? '');
      show(reason, state.notComparable !== null && state.version !== null);
      if (state.busy !== shown) {
        shown = state.busy;
        const text = working[state.busy];
        busy.replaceChildren(...(idle ? [] : [progressRing(text), ` ${text}`]));
      }
      const choices = inputChoices(state.saved.length);
      if (!choices.includes(inputs)) inputs = 1;
      given.update(
        choices.map((each) => ({
          id: String(each),
          label: each === 1 ? 'these inputs' : `these and ${plural(each - 1, 'earlier input')}`,
        })),
        String(inputs),
      );
      show(given.element, choices.length > 1);
      show(saved.element, state.saved.length > 0);
      saved.update(
        [
          { id: '', label: 'Earlier inputs…' },
          ...state.saved.map((label, index) => ({ id: String(index), label })),
        ],
        '',
      );
    },
  };
}

/** How many inputs can be compared with: one, a few, or as many as were kept. */
function inputChoices(kept: number): number[] {
  const all = Math.min(kept + 1, COMPARE_INPUTS);
  return [...new Set([1, Math.min(4, all), all])];
}
