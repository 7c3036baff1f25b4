/** Where the key is typed. It stays in the field: it is never put into an address, a storage or the curl line. */
import { h, setAttribute, setText, show } from '../dom';
import type { Failure } from './failures';

export interface KeyEntry {
  readonly element: HTMLElement;
  readonly key: string;
  /** Tells why there is no form; undefined takes it back. */
  tell(failure: Failure | undefined): void;
}

/** A header takes nothing else. */
const KEY = /^[\x21-\x7e]+$/;

export function createKeyEntry(environment: string, entered: () => void): KeyEntry {
  const input = h('input', {
    id: 'key',
    type: 'password',
    autocomplete: 'off',
    spellcheck: 'false',
    'aria-describedby': 'key-hint key-problem',
    'aria-required': 'true',
  });
  const problem = h('div', { id: 'key-problem', class: 'problem', role: 'alert' });
  const element = h(
    'form',
    { class: 'key', 'aria-label': 'API key' },
    h('label', { for: 'key' }, `API key of ${environment}`),
    h('div', { class: 'row' }, input, h('button', { type: 'submit' }, 'Load the function')),
    h(
      'p',
      { id: 'key-hint', class: 'note' },
      'Made with ',
      h('code', {}, `velar keys create ${environment}`),
      '. It stays in this page until it is closed or reloaded.',
    ),
    problem,
  );
  const tell = (failure: Failure | undefined): void => {
    setText(
      problem,
      [failure?.message, failure?.hint].filter((each) => each !== undefined).join(' '),
    );
    show(problem, failure !== undefined);
    setAttribute(input, 'aria-invalid', failure === undefined ? null : 'true');
    if (failure !== undefined) input.focus();
  };
  tell(undefined);
  element.addEventListener('submit', (event) => {
    event.preventDefault();
    if (KEY.test(input.value.trim())) entered();
    else tell({ message: 'Type a key first.', hint: 'It has letters, digits, - and _ only.' });
  });
  return {
    element,
    get key() {
      return input.value.trim();
    },
    tell,
  };
}
