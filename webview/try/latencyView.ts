/** Where the time of a call went, what it cost and what memory it took. */
import { latencyOf, type Latency } from '../../runtime/protocol/latency';
import { currentPhase, type RunRecord } from '../../runtime/protocol/runRecord';
import { formatBytes, formatElapsed, formatMs } from '../../runtime/protocol/figures';
import { costText } from '../cost';
import { h, setText, show } from '../dom';
import { phaseTitles } from '../timelineModel';

const UNKNOWN = 'unknown';

export interface LatencyView {
  readonly element: HTMLElement;
  /** `of`: what was called, in a line. */
  update(record: RunRecord, of: string): void;
  /** Shows the time so far. */
  tick(ms: number): void;
}

interface Row {
  readonly element: HTMLElement;
  set(figure: string, note: string): void;
}

function row(title: string, part: string): Row {
  const figure = h('dd', { class: 'latency-figure' });
  const note = h('dd', { class: 'latency-note muted' });
  const element = h(
    'div',
    { class: 'latency-row', 'data-part': part },
    h('dt', {}, h('span', { class: 'latency-key' }), title),
    figure,
    note,
  );
  return {
    element,
    set: (text, detail) => {
      setText(figure, text);
      setText(note, detail);
      note.title = detail;
    },
  };
}

export function createLatencyView(): LatencyView {
  const total = h('span', { class: 'latency-total' });
  const state = h('span', { class: 'muted' });
  const called = h('span', { class: 'muted try-called' });
  const bar = h('div', { class: 'latency-bar', 'aria-hidden': 'true' });
  const queue = row('Queue', 'queue');
  const cold = row('Cold start', 'cold-start');
  const execution = row('Execution', 'execution');
  const other = row('Between them', 'other');
  const cost = row('Cost', 'cost');
  const memory = row('Memory peak', 'memory');
  const rows = [queue, cold, execution, other, cost, memory];
  const element = h(
    'section',
    { class: 'try-latency', 'aria-label': 'Latency', 'data-testid': 'try-latency' },
    h('header', { class: 'section-head' }, h('h2', {}, 'Latency'), total, state, called),
    bar,
    h('dl', {}, ...rows.map((each) => each.element)),
  );
  let active = false;
  return {
    element,
    update: (record, of) => {
      setText(called, of);
      called.title = of;
      const latency = latencyOf(record);
      active = record.status === 'active';
      const phase = currentPhase(record);
      setText(state, !active || phase === undefined ? '' : phaseTitles[phase.phase]);
      if (!active) setText(total, record.ms === null ? UNKNOWN : formatMs(record.ms));
      queue.set(figureOf(latency.queueMs, active), '');
      cold.set(figureOf(latency.coldStartMs, active), coldNote(latency, record));
      execution.set(figureOf(latency.executionMs, active), deviceOf(record));
      other.set(figureOf(latency.otherMs, active), 'sending, relaying and draining output');
      show(other.element, (latency.otherMs ?? 0) >= 1);
      drawBar(bar, latency);
      const spent = record.cost === null ? null : costText(record.cost);
      cost.set(spent?.figure ?? (active ? '' : UNKNOWN), spent?.note ?? '');
      memory.set(...peakText(record, active));
    },
    tick: (ms) => {
      if (active) setText(total, formatElapsed(ms));
    },
  };
}

function figureOf(ms: number | null, active: boolean): string {
  if (ms === null) return active ? '…' : UNKNOWN;
  return formatMs(ms);
}

/** What the cold start was made of, or why there was none. */
function coldNote({ coldStartMs, coldParts }: Latency, { warm }: RunRecord): string {
  if (coldParts.length > 0) {
    return coldParts
      .map(({ phase, ms }) => `${phaseTitles[phase].toLowerCase()} ${formatMs(ms)}`)
      .join(', ');
  }
  return coldStartMs === 0 && warm === true ? 'none: warm container' : '';
}

function deviceOf({ device, gpu }: RunRecord): string {
  if (device === null) return '';
  return device === 'gpu' ? `on ${gpu ?? 'a GPU'}` : 'on CPU';
}

function peakText({ peakBytes }: RunRecord, active: boolean): [string, string] {
  const peaks = Object.entries(peakBytes);
  if (peaks.length === 0) return active ? ['', ''] : [UNKNOWN, 'over before a sample was taken'];
  const cards = peaks.filter(([device]) => device !== 'host');
  const shown = (cards.length > 0 ? cards : peaks).sort(([, a], [, b]) => b - a);
  const [most, ...rest] = shown.map(
    ([device, bytes]) => [formatBytes(bytes), device === 'host' ? 'host memory' : device] as const,
  );
  return [most?.[0] ?? '', [most?.[1] ?? '', ...rest.map((each) => each.join(' '))].join(', ')];
}

/** Widths are parts of the whole; what no phase accounts for stays empty. */
function drawBar(bar: HTMLElement, latency: Latency): void {
  const parts = [
    ['queue', latency.queueMs],
    ['cold-start', latency.coldStartMs],
    ['execution', latency.executionMs],
  ] as const;
  const sum = parts.reduce((all, [, ms]) => all + (ms ?? 0), 0);
  // Of a call that goes on, nobody knows yet what the parts are parts of.
  const whole = latency.totalMs === null ? 0 : Math.max(sum, latency.totalMs);
  bar.replaceChildren(
    ...parts.flatMap(([part, ms]) => {
      if (ms === null || ms === 0 || whole === 0) return [];
      const piece = h('span', { class: 'latency-piece', 'data-part': part });
      piece.style.width = `${((ms / whole) * 100).toFixed(2)}%`;
      return [piece];
    }),
  );
}
