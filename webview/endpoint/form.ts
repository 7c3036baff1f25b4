/** The inputs of a function, each with what is wrong with it beside it. */
import { h, setAttribute, setText, show } from '../dom';
import { choicesOf, readValue, type Texts } from './values';
import type { Field, Signature } from './signature';

export interface CallForm {
  readonly element: HTMLElement;
  /** What was typed, by name of the field. */
  texts(): Texts;
  /** True where every field is right; else the first that is not has the focus. */
  check(): boolean;
}

interface Input {
  readonly field: Field;
  readonly element: HTMLElement;
  readonly control: HTMLTextAreaElement | HTMLSelectElement;
  /** Tells what is wrong; false where something is. */
  check(): boolean;
}

export function createForm({ fields }: Signature, changed: () => void): CallForm {
  const inputs = fields.map((field, index) => createInput(field, `field-${index}`, changed));
  const none = inputs.length > 0 ? null : h('p', { class: 'note' }, 'It takes no arguments.');
  return {
    element: h('div', { class: 'fields' }, none, ...inputs.map(({ element }) => element)),
    texts: () =>
      Object.fromEntries(inputs.map(({ field, control }) => [field.name, control.value])),
    check: () => {
      const wrong = inputs.filter((input) => !input.check());
      wrong[0]?.control.focus();
      return wrong.length === 0;
    },
  };
}

function createInput(field: Field, id: string, changed: () => void): Input {
  const { label, hint, required } = field;
  const meaning = h('p', { id: `${id}-hint`, class: 'note' }, hint);
  const problem = h('p', { id: `${id}-problem`, class: 'problem', role: 'alert' });
  const described = {
    id,
    'aria-describedby': `${id}-hint ${id}-problem`,
    'data-field': field.name,
  };
  const control = createControl(field, { ...described, 'aria-required': String(required) });
  // What is being typed is not wrong yet; what was found wrong is looked at with each letter.
  let told = false;
  const check = (): boolean => {
    const value = readValue(field, control.value);
    const wrong = 'problem' in value ? value.problem : '';
    told = wrong !== '';
    setText(problem, wrong);
    // In the place of the hint: nothing moves away from under a pointer that is about to press a button.
    show(problem, told);
    show(meaning, !told);
    setAttribute(control, 'aria-invalid', told ? 'true' : null);
    return !told;
  };
  show(problem, false);
  control.addEventListener('input', () => {
    if (told) check();
    changed();
  });
  control.addEventListener('change', () => {
    if (control.value.trim() !== '') check();
  });
  const element = h(
    'div',
    { class: 'field' },
    h('label', { for: id }, h('code', {}, label), required ? ' *' : ''),
    control,
    meaning,
    problem,
  );
  return { field, element, control, check };
}

function createControl(
  { schema, required }: Field,
  attributes: Record<string, string>,
): HTMLTextAreaElement | HTMLSelectElement {
  const choices = choicesOf(schema);
  if (choices.length === 0) {
    return h('textarea', { ...attributes, rows: 1, spellcheck: 'false', autocomplete: 'off' });
  }
  const nothing = h('option', { value: '' }, required ? 'Choose…' : '(default)');
  return h(
    'select',
    attributes,
    nothing,
    ...choices.map((choice) => h('option', { value: choice }, choice)),
  );
}
