/** The few helpers that build and change the page's elements. */

type Attributes = Record<string, string | number | boolean | undefined>;
type Child = Node | string | null;

/**
 * Makes an element. `true` sets an empty attribute; `false` and undefined set none. There is no way to
 * pass markup or a style attribute: text stays text, and the page's policy forbids inline styles.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Sets text only when it differs, so that a clock costs no layout while its text stays. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets an attribute, or removes it for null, only when that changes something. */
export function setAttribute(element: Element, name: string, value: string | null): void {
  if (element.getAttribute(name) === value) return;
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

/** Shows or hides an element. */
export function show(element: HTMLElement | SVGElement, visible: boolean): void {
  element.toggleAttribute('hidden', !visible);
}
