/** The seven phases as a live waterfall, one row each. */
import { phases, type Phase } from '../runtime/protocol/phaseOrder';
import { h, setAttribute, setText, show } from './dom';
import { formatMs } from '../runtime/protocol/figures';
import { icon, type IconName } from './icons';
import { phaseTitles, type RowState, type Timeline, type TimelineRow } from './timelineModel';

const icons: Record<RowState, IconName> = {
  pending: 'pending',
  live: 'spinner',
  done: 'check',
  skipped: 'skip',
  failed: 'cross',
  unreached: 'pending',
};

const spoken: Record<RowState, string> = {
  pending: 'waiting',
  live: 'in progress',
  done: 'done',
  skipped: 'skipped',
  failed: 'failed',
  unreached: 'not reached',
};

export interface TimelineView {
  readonly element: HTMLElement;
  /** Draws the phases; cheap enough for every frame. */
  update(timeline: Timeline): void;
}

export function createTimeline(): TimelineView {
  const rows = new Map(phases.map((phase) => [phase, createRow(phase)]));
  const element = h(
    'ol',
    { class: 'timeline', 'aria-label': 'Phases of the run' },
    ...[...rows.values()].map((row) => row.element),
  );
  return {
    element,
    update: (timeline) => {
      for (const row of timeline.rows) rows.get(row.phase)?.update(row, timeline.spanMs);
    },
  };
}

function createRow(phase: Phase): {
  element: HTMLElement;
  update: (row: TimelineRow, spanMs: number) => void;
} {
  const mark = h('span', { class: 'phase-icon' });
  const state = h('span', { class: 'sr-only' });
  const ghost = h('span', { class: 'ghost', hidden: true });
  const bar = h('span', { class: 'bar', hidden: true });
  const note = h('span', { class: 'note' });
  const figure = h('span', { class: 'figure' });
  const element = h(
    'li',
    { class: 'phase', 'data-testid': `phase-${phase}`, 'data-phase': phase },
    mark,
    h('span', { class: 'phase-name' }, phaseTitles[phase]),
    state,
    h('span', { class: 'track' }, ghost, bar, note),
    figure,
  );
  let shownState: RowState | null = null;

  return {
    element,
    update: (row, spanMs) => {
      if (row.state !== shownState) {
        shownState = row.state;
        element.dataset.status = row.state;
        mark.replaceChildren(icon(icons[row.state]));
        setText(state, spoken[row.state]);
      }
      place(bar, row.bar, spanMs);
      place(ghost, row.expected, spanMs);
      setText(note, row.note);
      setText(figure, row.figure);
      placeNote(note, row, spanMs);
      setAttribute(element, 'title', tooltip(row));
    },
  };
}

function place(element: HTMLElement, range: TimelineRow['bar'], spanMs: number): void {
  show(element, range !== null);
  if (range === null) return;
  element.style.left = percent(range.from / spanMs);
  element.style.width = percent((range.to - range.from) / spanMs);
}

/** The note begins where the bar does, or ends at the right where there is too little room after that. */
function placeNote(note: HTMLElement, row: TimelineRow, spanMs: number): void {
  const start = (row.bar ?? row.expected)?.from ?? 0;
  const late = start / spanMs > 0.5;
  note.classList.toggle('late', late);
  note.style.left = late ? '0' : percent(start / spanMs);
}

function percent(part: number): string {
  return `${(Math.min(1, Math.max(0, part)) * 100).toFixed(2)}%`;
}

function tooltip(row: TimelineRow): string {
  const parts = [phaseTitles[row.phase], spoken[row.state]];
  if (row.note !== '') parts.push(row.note);
  if (row.expected !== null) {
    parts.push(`earlier runs took about ${formatMs(row.expected.to - row.expected.from)}`);
  }
  return parts.join(' · ');
}
