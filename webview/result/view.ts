/** What a run gave: its result, what it gave piece by piece, or why it failed. */
import type { RunRecord } from '../../runtime/protocol/runRecord';
import type { ResultValue } from '../../runtime/protocol/values';
import { button, picker } from '../controls';
import { h, setText, show } from '../dom';
import type { Host } from '../host';
import { onFileLink } from '../log/rows';
import { errorView } from './error';
import { sanitisedHtml } from './html';
import { jsonTree } from './json';
import { formText, formTitle, imageSource, isTable, oneLine, shownForms, TABLE_MIME } from './mime';
import { tableView } from './table';
import { createYields, itemsOf, type YieldsView } from './yields';

export interface ResultView {
  readonly element: HTMLElement;
  update(record: RunRecord): void;
}

/** `deployed`: of calls of what is deployed, which nothing but a deploy changes. */
export function createResultView(host: Host, { deployed = false } = {}): ResultView {
  let record: RunRecord | null = null;
  let form: string | null = null;
  let shown = '';
  let yields: YieldsView | null = null;

  const title = h('h2', {}, 'Result');
  const body = h('div', { class: 'result-body', tabindex: 0, 'data-testid': 'result' });
  const forms = picker({
    label: 'Show the result as',
    onPick: (picked) => {
      form = picked;
      draw();
    },
  });
  forms.element.classList.add('form-picker');
  const copy = button({
    label: 'Copy result',
    icon: 'copy',
    kind: 'icon',
    onClick: () => {
      const text = record === null ? '' : copyText(record, form);
      if (text !== '') host.post({ type: 'copy', text: text.slice(0, 10_000_000) });
    },
  });
  const save = button({
    label: 'Save result as a file',
    icon: 'save',
    kind: 'icon',
    onClick: () => {
      if (record !== null && form !== null) {
        host.post({ type: 'saveResult', run: record.run, mime: form });
      }
    },
  });
  const element = h(
    'section',
    { class: 'result-panel', 'aria-label': 'Result' },
    h(
      'header',
      { class: 'section-head' },
      title,
      h('div', { class: 'tools' }, forms.element, copy, save),
    ),
    body,
  );
  onFileLink(body, (file, line) => {
    host.post({ type: 'openFile', file, line });
  });

  function draw(): void {
    if (record === null) return;
    const { error, result } = record;
    const available = result === null ? [] : resultForms(result);
    if (form === null || !available.includes(form)) form = available[0] ?? null;
    setText(title, error !== null ? 'Error' : 'Result');
    body.dataset.state = error !== null ? 'error' : result !== null ? 'value' : record.status;
    show(forms.element, available.length > 1);
    forms.update(
      available.map((id) => ({ id, label: formTitle(id) })),
      form,
    );
    show(copy, error !== null || result !== null);
    show(save, result !== null && form !== null);
    const parts: HTMLElement[] = [];
    if (error !== null) parts.push(errorView(record.run, error, host, deployed));
    const items = itemsOf(record);
    if (items.length > 0) {
      yields ??= createYields();
      yields.update(items);
      parts.push(yields.element);
    }
    if (result !== null && !(items.length > 0 && isNothing(result))) {
      parts.push(resultNode(result, form));
    }
    if (parts.length === 0) parts.push(h('p', { class: 'placeholder' }, placeholder(record)));
    body.replaceChildren(...parts);
  }

  return {
    element,
    update: (next) => {
      if (next.run !== record?.run) {
        form = null;
        yields = null;
      }
      record = next;
      // A record comes with every sample and phase; what is shown here changes only with these. An error's buttons
      // stay when the run's end comes after it: drawn anew they would take away a click on the old ones.
      const decided = next.error !== null || next.result !== null;
      const { yields: yielded, inputResults } = next;
      const count = yielded.length + inputResults.length;
      const key = JSON.stringify([
        next.run,
        decided ? '' : next.status,
        next.attempt,
        next.result !== null,
        next.error,
        count < 1000 ? count : [yielded.at(-1), inputResults.at(-1)],
      ]);
      if (key === shown) return;
      const sameYields = yields !== null && next.error === null && next.result === null;
      shown = key;
      if (sameYields) {
        const atEnd = body.scrollHeight - body.scrollTop - body.clientHeight < 24;
        yields?.update(itemsOf(next));
        if (atEnd) body.scrollTop = body.scrollHeight;
      } else {
        draw();
      }
    },
  };
}

function placeholder(record: RunRecord): string {
  switch (record.status) {
    case 'active':
      return 'The result appears here.';
    case 'cancelled':
      return 'Cancelled before it returned.';
    case 'succeeded':
    case 'failed':
      return 'No result.';
    default:
      return record.status satisfies never;
  }
}

function isNothing(result: ResultValue): boolean {
  return 'value' in result && result.value === null;
}

function resultForms(result: ResultValue): string[] {
  if ('mime' in result) return shownForms(result.mime);
  return [typeof result.value === 'string' ? 'text/plain' : 'application/json'];
}

function resultNode(result: ResultValue, form: string | null): HTMLElement {
  if ('value' in result) {
    if (result.value === null)
      return h('p', { class: 'placeholder' }, 'None: it returned nothing.');
    return form === 'text/plain' ? textNode(result.value) : jsonTree(result.value);
  }
  if (form === null) {
    const kinds = Object.keys(result.mime).join(', ') || 'no data';
    return h('p', { class: 'placeholder' }, `A result that the panel cannot show: ${kinds}.`);
  }
  const data = result.mime[form];
  if (form === TABLE_MIME && isTable(data)) return tableView(data);
  if (typeof data !== 'string') return jsonTree(data);
  if (form.startsWith('image/')) {
    return h('img', { class: 'picture', src: imageSource(form, data), alt: oneLine(result) });
  }
  return form === 'text/html' ? sanitisedHtml(data) : textNode(data);
}

function textNode(text: unknown): HTMLElement {
  return h('pre', { class: 'text-view' }, String(text));
}

function copyText(record: RunRecord, form: string | null): string {
  const { error, result } = record;
  if (error !== null) return error.text ?? `${error.type ?? error.kind}: ${error.message}`;
  if (result === null) return '';
  if ('value' in result) return formText('application/json', result.value);
  return form === null ? '' : formText(form, result.mime[form]);
}
