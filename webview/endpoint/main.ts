/** Entry of the page to try an endpoint: asks for a key, loads the signature with it, shows the form. */
import { h, setText, show } from '../dom';
import { readAddress, type EndpointAddress } from './address';
import { loadDocument } from './calls';
import { createKeyEntry } from './keyEntry';
import { readSignature } from './signature';
import { createTry, type TryFunction } from './tryFunction';

function open(page: HTMLElement, address: EndpointAddress): void {
  const { app, environment, qualname } = address;
  document.title = `${qualname} · ${app} · ${environment}`;
  const place = `${app} · ${environment}`;
  const about = h('p', { class: 'note', 'data-part': 'about' }, place);
  const doc = h('p', { class: 'doc', 'data-part': 'doc' });
  const body = h('div', {});
  let shown: TryFunction | undefined;
  let documentUrl = '';
  let loading: AbortController | undefined;

  const load = async (): Promise<void> => {
    loading?.abort();
    const controller = new AbortController();
    loading = controller;
    const loaded = await loadDocument(address, entry.key, controller.signal);
    if (controller.signal.aborted) return;
    shown?.dispose();
    shown = undefined;
    body.replaceChildren();
    URL.revokeObjectURL(documentUrl);
    setText(about, place);
    show(doc, false);
    if ('failure' in loaded) {
      entry.tell(loaded.failure);
      return;
    }
    const signature = readSignature(loaded.document, qualname);
    if (signature === undefined) {
      const hint = 'Check the address; `velar deployments` lists what is there.';
      entry.tell({ message: `${app} has no function ${qualname} in ${environment}.`, hint });
      return;
    }
    entry.tell(undefined);
    setText(about, `${place} · version ${signature.version}`);
    setText(doc, signature.doc);
    show(doc, signature.doc !== '');
    documentUrl = URL.createObjectURL(new Blob([loaded.text], { type: 'application/json' }));
    shown = createTry(address, signature, documentUrl, () => entry.key);
    body.append(shown.element);
    body.querySelector<HTMLElement>('textarea, select, button')?.focus();
  };

  const entry = createKeyEntry(environment, () => {
    load().catch((error: unknown) => {
      // A later key took its place.
      if (loading?.signal.aborted !== true) entry.tell({ message: String(error), hint: '' });
    });
  });
  show(doc, false);
  page.replaceChildren(h('header', {}, h('h1', {}, qualname), about, doc), entry.element, body);
}

const page = document.getElementById('page');
const address = readAddress(location.pathname);
if (page !== null && address !== undefined) open(page, address);
