/** The inputs of a deployed function, made from its signature. */
import type { TryField, TryState } from '../../runtime/protocol/tryState';
import { formField, picker } from '../controls';
import { h, setText, show } from '../dom';
import type { Host } from '../host';

export interface TryForm {
  readonly element: HTMLElement;
  update(state: TryState): void;
}

interface Input {
  readonly element: HTMLElement;
  readonly field: TryField;
  update(field: TryField): void;
  focus(): void;
}

export function createTryForm(host: Host): TryForm {
  const list = h('div', { class: 'try-fields' });
  const none = h('p', { class: 'placeholder' }, 'It takes no arguments.');
  const element = h('div', { class: 'try-inputs' }, list, none);
  let inputs: Input[] = [];
  let shown = '';
  let refused = 0;
  return {
    element,
    update: (state) => {
      const { fields } = state;
      const key = JSON.stringify([state.target, state.revision, fields.map(signatureKey)]);
      if (key !== shown) {
        shown = key;
        inputs = fields.map((field) => createInput(field, host));
        list.replaceChildren(...inputs.map((input) => input.element));
        show(none, fields.length === 0 && state.version !== null);
      }
      for (const [index, field] of fields.entries()) inputs[index]?.update(field);
      if (state.refused > refused) {
        const wrong = fields.findIndex(({ problem }) => problem !== null);
        inputs[wrong]?.focus();
      }
      refused = state.refused;
    },
  };
}

function signatureKey({ part, name, signature, hint, choices }: TryField): unknown {
  return [part, name, signature, hint, choices];
}

function createInput(field: TryField, host: Host): Input {
  const { part, name, choices } = field;
  const edit = (text: string): void => {
    host.post({ type: 'tryEdit', part, name, text });
  };
  const problem = h('p', { class: 'try-problem', role: 'alert' });
  const label = `${part === 'instance' ? 'constructor · ' : ''}${field.signature}${field.required ? ' *' : ''}`;
  const control = choices.length > 0 ? choiceInput(field, label, edit) : textField();
  const element = h(
    'div',
    { class: 'try-field', 'data-parameter': name },
    control.element,
    problem,
  );
  return {
    element,
    field,
    update: (next) => {
      setText(problem, next.problem ?? '');
      show(problem, next.problem !== null);
      control.setInvalid(next.problem !== null);
    },
    focus: () => {
      control.focus();
    },
  };

  function textField(): {
    element: HTMLElement;
    setInvalid: (invalid: boolean) => void;
    focus: () => void;
  } {
    return formField({
      label,
      hint: field.hint,
      value: field.text,
      testId: `try-input-${name}`,
      onInput: edit,
      onEnter: () => {
        host.post({ type: 'tryCall' });
      },
    });
  }
}

/** Values of a `Literal` or `bool`, and the default where there is one. */
function choiceInput(
  { choices, text, required, hint }: TryField,
  label: string,
  edit: (text: string) => void,
): { element: HTMLElement; setInvalid: (invalid: boolean) => void; focus: () => void } {
  const list = picker({ label, onPick: edit });
  list.element.title = hint;
  const first = required ? { id: '', label: 'Choose…' } : { id: '', label: hint };
  const given = choices.map((choice) => ({ id: choice, label: choice }));
  const other = text === '' || choices.includes(text) ? [] : [{ id: text, label: text }];
  list.update([first, ...given, ...other], text);
  return {
    element: h('label', { class: 'try-choice' }, h('span', {}, label), list.element),
    setInvalid: (invalid) => {
      list.element.ariaInvalid = String(invalid);
      list.element.classList.toggle('invalid', invalid);
    },
    focus: () => {
      list.element.focus();
    },
  };
}
