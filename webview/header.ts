/** The line at the top: which run, how it stands, where, how long, for how much, and what to do with it. */
import type { PanelRuntime } from '../runtime/protocol/panelMessages';
import type { RunRecord } from '../runtime/protocol/runRecord';
import { stoppedText } from '../runtime/protocol/stopped';
import { rerunText } from '../runtime/protocol/batchTexts';
import { button } from './controls';
import { costText } from './cost';
import { h, setAttribute, setText, show } from './dom';
import { formatElapsed, formatMs, plural } from '../runtime/protocol/figures';
import type { Host } from './host';
import { icon, type IconName } from './icons';
import { createRunPicker } from './runPicker';

export const statusTitles: Record<RunRecord['status'], string> = {
  active: 'Running',
  succeeded: 'Succeeded',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

const statusIcons: Record<RunRecord['status'], IconName> = {
  active: 'spinner',
  succeeded: 'check',
  failed: 'cross',
  cancelled: 'cancelled',
};

export interface Header {
  readonly element: HTMLElement;
  update(record: RunRecord, runs: readonly RunRecord[], runtime: PanelRuntime | null): void;
  /** Shows the duration so far. */
  tick(ms: number): void;
}

export function createHeader(host: Host): Header {
  let run = '';
  let active = false;
  const badge = h('span', { class: 'badge' });
  const name = h('h1');
  const device = h('span', { class: 'fact device' });
  const clock = h('span', { class: 'fact clock', title: 'Duration' });
  const cost = h('span', { class: 'fact cost', 'data-testid': 'cost' });
  const calls = h('span', { class: 'fact calls' });
  const rerun = h('span', { class: 'fact', 'data-testid': 'rerun-of' });
  const runtimeName = h('span', { class: 'muted runtime-name' });
  const runs = createRunPicker(host);
  const cancel = button({
    label: 'Cancel',
    icon: 'stop',
    kind: 'secondary',
    testId: 'cancel',
    onClick: () => {
      host.post({ type: 'cancel', run });
    },
  });
  const again = button({
    label: 'Run again',
    icon: 'rerun',
    kind: 'primary',
    testId: 'rerun',
    onClick: () => {
      host.post({ type: 'rerun', run });
    },
  });
  const element = h(
    'header',
    { class: 'run-head' },
    h('div', { class: 'run-title' }, badge, name),
    h('div', { class: 'facts' }, rerun, device, clock, cost, calls),
    h('div', { class: 'run-actions' }, runtimeName, runs.element, cancel, again),
  );

  return {
    element,
    update: (record, all, runtime) => {
      run = record.run;
      active = record.status === 'active';
      showStatus(badge, record);
      setText(name, record.qualname);
      setAttribute(name, 'title', `${record.qualname} in ${record.file}`);
      showDevice(device, record);
      if (record.ms !== null) setText(clock, formatMs(record.ms));
      showCost(cost, record);
      showCalls(calls, record);
      show(rerun, record.rerun !== null);
      setText(rerun, record.rerun === null ? '' : rerunText(record.rerun));
      setText(runtimeName, runtime === null ? '' : runtime.name);
      setAttribute(runtimeName, 'title', runtime === null ? null : runtimeTitle(runtime));
      runs.update(all, record.run);
      show(cancel, active);
      show(again, !active);
    },
    tick: (ms) => {
      if (active) setText(clock, formatElapsed(ms));
    },
  };
}

function showStatus(badge: HTMLElement, record: RunRecord): void {
  const { status } = record;
  const stopped = stoppedText(record);
  badge.dataset.status = status;
  setAttribute(badge, 'title', stopped);
  if (stopped === null) badge.replaceChildren(icon(statusIcons[status]), statusTitles[status]);
  else badge.replaceChildren(icon('pause'), 'Stopped');
}

function showDevice(element: HTMLElement, record: RunRecord): void {
  show(element, record.device !== null);
  if (record.device === null) return;
  const text = record.device === 'gpu' ? (record.gpu ?? 'GPU') : 'CPU';
  const warmth = record.warm === null ? '' : record.warm ? ', warm container' : ', new container';
  element.dataset.device = record.device;
  element.title = `Runs on ${text}${warmth}`;
  if (element.textContent !== text) element.replaceChildren(icon('chip'), text);
}

function showCost(element: HTMLElement, record: RunRecord): void {
  show(element, record.cost !== null);
  if (record.cost === null) return;
  const { figure, note, title } = costText(record.cost);
  element.title = title;
  element.replaceChildren(figure, h('span', { class: 'muted' }, ` ${note}`));
}

function showCalls(element: HTMLElement, record: RunRecord): void {
  const { batch, calls, attempt } = record;
  const parts: string[] = [];
  // The row of the batch says it in more words, where these are all the calls.
  if (calls !== null && calls.total !== batch?.total) {
    parts.push(`${calls.done} of ${plural(calls.total, 'call')}`);
    if (calls.failed > 0) parts.push(`${calls.failed} failed`);
  }
  if (attempt > 1) parts.push(`attempt ${attempt}`);
  show(element, parts.length > 0);
  setText(element, parts.join(' · '));
}

function runtimeTitle(runtime: PanelRuntime): string {
  const cards = runtime.gpus.map((gpu) => gpu.name).join(', ');
  return `Runtime ${runtime.name}: ${cards || (runtime.gpuNote ?? 'no GPU')}`;
}
