/** Why a run failed: what, where, and what to do next. */
import type { RunError, RunErrorKind, TracebackFrame } from '../../runtime/protocol/values';
import { button } from '../controls';
import { h } from '../dom';
import type { Host } from '../host';
import { icon } from '../icons';
import { findFileLinks } from '../log/links';
import { fileLink } from '../log/rows';
import { cutSegments } from '../log/segments';

const kinds: Record<RunErrorKind, string> = {
  user: 'The function raised',
  image: 'The image did not build',
  capacity: 'No capacity',
  oom: 'Out of memory',
  'gpu-oom': 'Out of GPU memory',
  timeout: 'Timed out',
  cancelled: 'Cancelled',
  infrastructure: 'The platform failed',
};

export function errorView(
  run: string,
  error: RunError,
  host: Host,
  deployed: boolean,
): HTMLElement {
  const title = error.type === undefined ? error.message : `${error.type}: ${error.message}`;
  const view = h(
    'div',
    { class: 'error', 'data-kind': error.kind },
    h('p', { class: 'error-kind' }, icon('warning'), kinds[error.kind]),
    h('p', { class: 'error-title' }, title),
  );
  if (error.hint !== undefined) {
    view.append(h('p', { class: 'hint' }, icon('hint'), h('span', {}, error.hint)));
  }
  if (error.kind === 'capacity' && !deployed) {
    const onCpu = button({
      label: 'Run on CPU this once',
      kind: 'secondary',
      onClick: () => {
        host.post({ type: 'runOnCpu', run });
      },
    });
    const pair = button({
      label: 'Pair a GPU runtime',
      kind: 'primary',
      onClick: () => {
        host.post({ type: 'pair' });
      },
    });
    view.append(h('p', { class: 'buttons' }, pair, onCpu));
  }
  if (error.inspectable === true) {
    const inspect = button({
      label: 'Inspect frames',
      kind: 'secondary',
      testId: 'post-mortem',
      onClick: () => {
        host.post({ type: 'inspectFailure', run });
      },
    });
    view.append(h('p', { class: 'buttons' }, inspect));
  }
  if (error.traceback.length > 0) {
    view.append(h('ol', { class: 'frames' }, ...error.traceback.map(frameRow)));
  }
  if (error.text !== undefined) {
    view.append(
      h(
        'details',
        { class: 'python-traceback' },
        h('summary', {}, 'Traceback as Python prints it'),
        h('pre', {}, ...linkedText(error.text)),
      ),
    );
  }
  return view;
}

function frameRow(frame: TracebackFrame): HTMLElement {
  const place = fileLink({ file: frame.file, line: Math.max(1, frame.line) });
  place.append(`${frame.file}:${frame.line}`);
  return h(
    'li',
    {},
    place,
    h('span', { class: 'muted' }, ` in ${frame.function}`),
    frame.text === undefined ? null : h('code', { class: 'frame-text' }, frame.text.trim()),
  );
}

function linkedText(text: string): Node[] {
  return cutSegments([{ text, style: null }], findFileLinks(text), []).map((segment) => {
    if (segment.link === null) return document.createTextNode(segment.text);
    const link = fileLink(segment.link);
    link.append(segment.text);
    return link;
  });
}
