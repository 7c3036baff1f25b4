/** The form of one function, its calls, and the same call for a terminal. */
import { h, setText, show } from '../dom';
import type { EndpointAddress } from './address';
import { callFunction } from './calls';
import { curlLine } from './curl';
import { createForm } from './form';
import { createResponse } from './response';
import type { Signature } from './signature';
import { bodyOf } from './values';

export interface TryFunction {
  readonly element: HTMLElement;
  /** Cancels a call that goes on. */
  dispose(): void;
}

export function createTry(
  address: EndpointAddress,
  signature: Signature,
  documentUrl: string,
  key: () => string,
): TryFunction {
  const { fields, streams } = signature;
  const line = h('code', {});
  const copied = h('span', { class: 'note', role: 'status' });
  const form = createForm(signature, () => describe());
  const response = createResponse();
  const call = h('button', { type: 'submit' }, 'Call');
  const cancel = h('button', { type: 'button', class: 'secondary' }, 'Cancel');
  const copy = h('button', { type: 'button', class: 'secondary' }, 'Copy');
  let going: AbortController | undefined;

  const describe = (): void => {
    setText(line, curlLine(location.origin + address.path, bodyOf(fields, form.texts()), streams));
    setText(copied, '');
  };
  const start = async (): Promise<void> => {
    if (going !== undefined || !form.check()) return;
    const controller = new AbortController();
    going = controller;
    call.disabled = true;
    show(cancel, true);
    response.begin();
    try {
      const body = bodyOf(fields, form.texts());
      await callFunction(address, key(), body, controller.signal, response);
      response.end();
    } catch (error) {
      if (controller.signal.aborted) response.cancelled();
      else {
        response.failed({ message: `The answer broke off: ${String(error)}`, hint: '' });
        response.end();
      }
    } finally {
      going = undefined;
      call.disabled = false;
      if (document.activeElement === cancel) call.focus();
      show(cancel, false);
    }
  };

  const inputs = h(
    'form',
    { 'aria-label': 'Arguments' },
    h('h2', {}, 'Arguments'),
    form.element,
    h('div', { class: 'row' }, call, cancel, h('span', { class: 'note' }, 'or Ctrl+Enter')),
  );
  inputs.addEventListener('submit', (event) => {
    event.preventDefault();
    void start();
  });
  inputs.addEventListener('keydown', (event) => {
    const sends = event.key === 'Enter' && (event.ctrlKey || event.metaKey);
    if (sends) inputs.requestSubmit();
  });
  cancel.addEventListener('click', () => going?.abort());
  copy.addEventListener('click', () => {
    navigator.clipboard.writeText(line.textContent ?? '').then(
      () => setText(copied, 'Copied.'),
      () => {
        getSelection()?.selectAllChildren(line);
        setText(copied, 'Selected: copy it with the keyboard.');
      },
    );
  });
  show(cancel, false);
  describe();

  const terminal = h(
    'section',
    {},
    h('h2', {}, 'From a terminal'),
    h('p', { class: 'note' }, 'With the key in the variable VELAR_KEY:'),
    h('pre', { 'data-part': 'curl', tabindex: 0, 'aria-label': 'curl' }, line),
    h('div', { class: 'row' }, copy, copied),
  );
  const file = `${address.app}-${address.environment}.openapi.json`;
  const link = h('a', { href: documentUrl, download: file }, 'OpenAPI document');
  return {
    element: h('div', {}, inputs, response.element, terminal, h('p', {}, link)),
    dispose: () => going?.abort(),
  };
}
