/** The Try view: a form for what is deployed, what a call of it gave, and how two environments compare. */
import type { Container } from '../../runtime/protocol/methods';
import type { TryHostMessage } from '../../runtime/protocol/tryMessages';
import type { RunRecord } from '../../runtime/protocol/runRecord';
import type { TryState } from '../../runtime/protocol/tryState';
import type { Announcer } from '../announcer';
import { observeRecord, runtimeNow, unknownClock } from '../clock';
import { createContainers } from '../containers';
import { h, show } from '../dom';
import type { Host } from '../host';
import { icon } from '../icons';
import { createLogView } from '../log/view';
import { createResultView } from '../result/view';
import { runMs } from '../timelineModel';
import { createTryActions } from './actions';
import { progressText, verdict } from '../../runtime/protocol/compareTexts';
import { createComparison } from './comparison';
import { createTryForm } from './form';
import { createTryHeader } from './header';
import { createLatencyView } from './latencyView';

export interface TryPage {
  readonly element: HTMLElement;
  /** The editor wants this shown in place of runs. */
  readonly open: boolean;
  receive(message: TryHostMessage): void;
  /** All containers of the runtime; `complete`: none is missing. */
  setContainers(containers: readonly Container[], complete: boolean): void;
}

/** True for a message of the Try view. */
export function isTryMessage(data: unknown): data is TryHostMessage {
  return (
    typeof data === 'object' &&
    data !== null &&
    'type' in data &&
    typeof data.type === 'string' &&
    ['try', 'tryCalled', 'tryLog'].includes(data.type)
  );
}

export function createTryPage(host: Host, announcer: Announcer): TryPage {
  const header = createTryHeader(host);
  const form = createTryForm(host);
  const actions = createTryActions(host);
  const latency = createLatencyView();
  const result = createResultView(host, { deployed: true });
  result.element.dataset.testid = 'try-response';
  const log = createLogView(host);
  const containers = createContainers(host);
  const comparison = createComparison(host);
  const problem = h('div', { class: 'try-notice', role: 'alert', hidden: true });
  const before = h(
    'p',
    { class: 'placeholder' },
    'Fill in the form and call: the response and where its time went appear here.',
  );
  const answer = h('div', { class: 'column try-answer' }, before, latency.element, result.element);
  const output = h('div', { class: 'column try-output' }, log.element, containers.element);
  const inputs = h(
    'section',
    { class: 'column try-form', 'aria-label': 'Inputs', 'data-testid': 'try-form' },
    form.element,
    actions.element,
  );
  const columns = h('main', { class: 'try-columns' }, inputs, answer, output, comparison.element);
  const element = h('div', { class: 'try-page' }, header.element, problem, columns);

  let state: TryState | null = null;
  let record: RunRecord | null = null;
  let clock = unknownClock;
  let frame: number | null = null;
  let live: { containers: readonly Container[]; complete: boolean } | null = null;

  function render(next: TryState): void {
    header.update(next);
    form.update(next);
    actions.update(next);
    const told = next.problem;
    show(problem, told !== null);
    problem.replaceChildren(
      icon('warning'),
      h('span', {}, [told?.message ?? '', told?.hint ?? ''].join(' ')),
    );
    comparison.update(next.comparison, next.notComparable);
    const compares = next.shown === 'comparison';
    columns.classList.toggle('comparing', compares);
    for (const part of [answer, output]) show(part, !compares);
    show(comparison.element, compares);
    announce(next);
    drawContainers();
  }

  function announce({ busy, comparison: compared, shown }: TryState): void {
    if (shown !== 'comparison' || compared === null) return;
    const end = compared.status === 'active' ? '' : ` ${verdict(compared)}`;
    if (busy === 'comparing' || end !== '') announcer.say(`${progressText(compared)}${end}`);
  }

  function renderCall(next: RunRecord | null, of: string): void {
    const other = next?.run !== record?.run;
    if (other) clock = unknownClock;
    record = next;
    for (const part of [latency.element, result.element]) show(part, next !== null);
    show(before, next === null);
    if (next === null) {
      log.update(null, { kind: 'replace', lines: [], dropped: 0 });
      return;
    }
    clock = observeRecord(clock, next, Date.now(), next.status === 'active');
    latency.update(next, of);
    result.update(next);
    log.update(next, { kind: 'keep' });
    if (state?.shown === 'response') announcer.update(next);
    drawContainers();
    tick();
  }

  /** A clock for as long as a call goes on. */
  function tick(): void {
    if (frame !== null) cancelAnimationFrame(frame);
    frame = null;
    if (record?.status !== 'active') return;
    latency.tick(runMs(record, runtimeNow(clock, Date.now())));
    frame = requestAnimationFrame(tick);
  }

  function drawContainers(): void {
    if (live === null || state === null) return;
    const { app, environment } = state.target;
    const own = live.containers.filter(
      (container) => container.app === app && container.environment === environment,
    );
    // The last call may have been of another deployment, whose container is not of this list.
    const called = record?.container ?? null;
    const elsewhere = live.containers.some(
      (container) => container.container === called && !own.includes(container),
    );
    const complete = live.complete && record?.status !== 'active';
    containers.update(own, elsewhere ? null : called, complete);
  }

  return {
    element,
    get open() {
      return state !== null;
    },
    receive: (message) => {
      switch (message.type) {
        case 'try':
          state = message.state;
          if (state !== null) render(state);
          return;
        case 'tryCalled':
          renderCall(message.record, message.of);
          return;
        case 'tryLog': {
          const { lines, dropped, whole } = message;
          log.update(record?.run === message.run ? record : null, {
            kind: whole ? 'replace' : 'append',
            lines,
            dropped,
          });
        }
      }
    },
    setContainers: (all, complete) => {
      live = { containers: all, complete };
      drawContainers();
    },
  };
}
