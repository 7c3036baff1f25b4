/** Where each phase of a run stands on the time axis. Pure. */
import { type Phase } from '../runtime/protocol/phaseOrder';
import type { PhaseRecord, RunRecord } from '../runtime/protocol/runRecord';
import { formatElapsed, formatMs } from '../runtime/protocol/figures';
import { slowness } from '../runtime/protocol/slowness';
import { stoppedText } from '../runtime/protocol/stopped';

export const phaseTitles: Record<Phase, string> = {
  queued: 'Queued',
  provisioning: 'Provisioning',
  image: 'Image',
  container: 'Container',
  imports: 'Imports',
  'model-load': 'Model load',
  running: 'Running',
};

/** `live`: going on now; `unreached`: the run ended before it. */
export type RowState = 'pending' | 'live' | 'done' | 'skipped' | 'failed' | 'unreached';

export interface TimelineRow {
  phase: Phase;
  state: RowState;
  /** ms from the axis' start; null without a bar. */
  bar: { from: number; to: number } | null;
  /** Where earlier runs suggest that the bar will end. */
  expected: { from: number; to: number } | null;
  /** What stands in the bar: what happens, or why it was skipped. */
  note: string;
  /** The figure at the right. */
  figure: string;
}

export interface Timeline {
  /** Runtime time of the axis' start, ms since the epoch. */
  originAt: number;
  /** Length of the axis. */
  spanMs: number;
  rows: TimelineRow[];
}

/** `nowAt`: the runtime's time now, ms since the epoch; of no account once the run has ended. */
export function timelineOf(record: RunRecord, nowAt: number): Timeline {
  const starts = record.phases.flatMap((phase) => phase.startedAt ?? []);
  const originAt = starts.length === 0 ? record.startedAt : Math.min(...starts);
  const active = record.status === 'active';
  let cursor = 0;
  const rows = record.phases.map((phase): TimelineRow => {
    const state = rowState(phase, active);
    const bar = barOf(record, phase, state, originAt, nowAt);
    const from = bar?.from ?? cursor;
    const expected =
      active && phase.expectedMs !== null && (state === 'live' || state === 'pending')
        ? { from, to: from + phase.expectedMs }
        : null;
    cursor = Math.max(cursor, bar?.to ?? 0, expected?.to ?? 0);
    return {
      phase: phase.phase,
      state,
      bar,
      expected,
      note: noteOf(record, phase, state, nowAt),
      figure: figureOf(record, phase, state, nowAt),
    };
  });
  const reach = Math.max(cursor, 1);
  const spanMs = active ? niceSpan(reach) : Math.max(reach, record.ms ?? 0);
  return { originAt, spanMs, rows };
}

/** How long a run has lasted, ms. */
export function runMs(record: RunRecord, nowAt: number): number {
  if (record.ms !== null) return record.ms;
  const starts = record.phases.flatMap((phase) => phase.startedAt ?? []);
  return Math.max(0, nowAt - (starts.length === 0 ? record.startedAt : Math.min(...starts)));
}

function rowState(phase: PhaseRecord, active: boolean): RowState {
  switch (phase.status) {
    case 'pending':
      return active ? 'pending' : 'unreached';
    case 'started':
    case 'progress':
      return active ? 'live' : 'failed';
    case 'done':
    case 'skipped':
    case 'failed':
      return phase.status;
    default:
      return phase.status satisfies never;
  }
}

function barOf(
  record: RunRecord,
  phase: PhaseRecord,
  state: RowState,
  originAt: number,
  nowAt: number,
): TimelineRow['bar'] {
  if (phase.startedAt === null || state === 'skipped') return null;
  const from = phase.startedAt - originAt;
  if (state === 'live') return { from, to: Math.max(from, nowAt - originAt) };
  return { from, to: from + (phase.ms ?? 0) + loadWithin(record, phase, nowAt) };
}

/** The running phase leaves out a model load inside it, but its bar spans both. */
function loadWithin(record: RunRecord, phase: PhaseRecord, nowAt: number): number {
  if (phase.phase !== 'running' || phase.startedAt === null) return 0;
  const load = record.phases.find((other) => other.phase === 'model-load');
  const loadAt = load?.startedAt ?? null;
  if (load === undefined || loadAt === null || loadAt < phase.startedAt) return 0;
  return load.ms ?? Math.max(0, nowAt - loadAt);
}

/** How long a phase that goes on has taken, a model load within it left out. */
function liveMs(record: RunRecord, phase: PhaseRecord, nowAt: number): number {
  return nowAt - (phase.startedAt ?? nowAt) - loadWithin(record, phase, nowAt);
}

function noteOf(record: RunRecord, phase: PhaseRecord, state: RowState, nowAt: number): string {
  if (state === 'unreached') return '';
  const live = state === 'live';
  const stopped = live ? stoppedText(record) : null;
  // How long a person looks at a breakpoint says nothing of the code.
  const slow = live && record.debug === null ? slowness(phase, liveMs(record, phase, nowAt)) : null;
  return [stopped, slow, phase.detail].filter((text) => text !== null).join(' · ');
}

function figureOf(record: RunRecord, phase: PhaseRecord, state: RowState, nowAt: number): string {
  switch (state) {
    case 'pending':
      return phase.expectedMs === null ? '' : `~${formatMs(phase.expectedMs)}`;
    case 'unreached':
      return 'not reached';
    case 'skipped':
      return 'skipped';
    case 'live':
      return formatElapsed(liveMs(record, phase, nowAt));
    case 'done':
    case 'failed':
      return phase.ms === null ? '' : formatMs(phase.ms);
    default:
      return state satisfies never;
  }
}

/** The axis of a run that is going grows in steps, so that its bars do not creep. */
export function niceSpan(reachMs: number): number {
  const wanted = Math.max(1000, reachMs * 1.02);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 1.5, 2, 3, 5, 7.5, 10].find((factor) => factor * power >= wanted) ?? 10;
  return step * power;
}
