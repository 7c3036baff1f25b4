/**
 * HTML that a function returned, made harmless. The text is parsed in a document without scripts or
 * loading, and only known elements and attributes are built anew; nothing of the original is adopted.
 */
import { h } from '../dom';

const allowed = new Set(
  (
    'a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure ' +
    'h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span strong sub summary sup ' +
    'table tbody td tfoot th thead time tr u ul var'
  ).split(' '),
);
/** Elements whose text is no prose either. */
const dropped = new Set(
  'script style template iframe object embed noscript svg math title head textarea select'.split(
    ' ',
  ),
);
const plainAttributes = new Set(['colspan', 'rowspan', 'scope', 'title', 'alt', 'start', 'open']);

/** Elements with the text and structure of `source`, and nothing that acts, loads or restyles. */
export function sanitisedHtml(source: string): HTMLElement {
  const parsed = new DOMParser().parseFromString(source, 'text/html');
  const root = h('div', { class: 'html-view' });
  copyChildren(parsed.body, root);
  return root;
}

function copyChildren(from: Node, to: Node): void {
  for (const child of from.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) {
      to.appendChild(document.createTextNode(child.textContent ?? ''));
    } else if (child instanceof Element) {
      copyElement(child, to);
    }
  }
}

function copyElement(element: Element, to: Node): void {
  const name = element.localName;
  if (dropped.has(name)) return;
  if (!allowed.has(name)) {
    copyChildren(element, to);
    return;
  }
  const copy = document.createElement(name);
  for (const attribute of element.attributes) {
    if (isAllowed(name, attribute)) copy.setAttribute(attribute.name, attribute.value);
  }
  to.appendChild(copy);
  copyChildren(element, copy);
}

function isAllowed(element: string, { name, value }: Attr): boolean {
  if (plainAttributes.has(name)) return true;
  if (element === 'a' && name === 'href') return /^https?:\/\//i.test(value);
  if (element === 'img' && name === 'src') {
    return /^data:image\/(png|jpeg|gif|webp|svg\+xml)[;,]/i.test(value);
  }
  return element === 'img' && (name === 'width' || name === 'height') && /^\d+$/.test(value);
}
