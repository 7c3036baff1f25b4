/** What a call came to: status, time, result or items as they come, errors in words. */
import { h, setText, show } from '../dom';
import type { Answer, CallListener } from './calls';
import type { Failure } from './failures';
import { indentJson } from './jsonText';

/** Characters of one text, and items of a stream, that are shown; a browser gets slow over more. */
const SHOWN_CHARACTERS = 200_000;
const SHOWN_ITEMS = 500;

export interface ResponseView extends CallListener {
  readonly element: HTMLElement;
  begin(): void;
  cancelled(): void;
  /** The answer has ended. */
  end(): void;
}

export function createResponse(): ResponseView {
  const status = h('p', { class: 'status', role: 'status', 'data-part': 'status' });
  const request = h('p', { class: 'note', 'data-part': 'request' });
  const problem = h('div', { class: 'problem', role: 'alert', 'data-part': 'failure' });
  const result = h('pre', { 'data-part': 'result', tabindex: 0, 'aria-label': 'Result' });
  const items = h('ol', { 'data-part': 'items', 'aria-label': 'Items' });
  const element = h(
    'section',
    {},
    h('h2', {}, 'Response'),
    status,
    request,
    problem,
    result,
    items,
  );
  let startedAt = 0;
  let answer: Answer | undefined;
  let count = 0;
  let bad = false;

  const took = (): string => `${(performance.now() - startedAt).toFixed(0)} ms`;
  const code = (): string => (answer === undefined ? '' : `, status ${answer.status}`);
  const shown = (json: string): string => {
    const text = indentJson(json);
    if (text.length <= SHOWN_CHARACTERS) return text;
    return `${text.slice(0, SHOWN_CHARACTERS)}\n… ${text.length - SHOWN_CHARACTERS} characters more`;
  };
  const clear = (): void => {
    for (const part of [problem, result, items]) {
      part.replaceChildren();
      show(part, false);
    }
    setText(request, '');
  };
  clear();
  show(element, false);

  return {
    element,
    begin: () => {
      clear();
      answer = undefined;
      count = 0;
      bad = false;
      startedAt = performance.now();
      show(element, true);
      setText(status, 'Calling…');
    },
    answered: (given) => {
      answer = given;
      setText(request, given.requestId === '' ? '' : `Request ${given.requestId}`);
    },
    result: (json) => {
      setText(result, shown(json));
      show(result, true);
    },
    item: (json) => {
      count += 1;
      show(items, true);
      if (count <= SHOWN_ITEMS) items.append(h('li', {}, h('pre', {}, shown(json))));
      setText(status, `${itemsText(count)} so far, ${took()}`);
    },
    failed: ({ message, hint }: Failure) => {
      bad = true;
      problem.replaceChildren(
        h('p', {}, message),
        hint === '' ? '' : h('p', { class: 'note' }, hint),
      );
      show(problem, true);
    },
    cancelled: () => setText(status, `Cancelled after ${took()}.`),
    end: () => {
      const listed = count === 0 ? '' : `, ${itemsText(count)}`;
      setText(status, `${bad ? 'Failed' : 'Done'}${code()}, ${took()}${listed}`);
    },
  };
}

function itemsText(count: number): string {
  const beyond = count > SHOWN_ITEMS ? `, the first ${SHOWN_ITEMS} shown` : '';
  return `${count} ${count === 1 ? 'item' : 'items'}${beyond}`;
}
