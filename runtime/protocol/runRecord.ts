/** The run record: the one source of truth about a run for lens, panel, status bar and command line. Pure. */
import type {
  BatchEvent,
  CostEvent,
  DebugEvent,
  InputFailedEvent,
  InputPeak,
  InputResultEvent,
  MemorySample,
  RerunEvent,
  RunEvent,
} from './events';
import { endsPhase, phases, type Phase, type PhaseStatus } from './phaseOrder';
import type { ResultValue, RunError } from './values';

export interface PhaseRecord {
  phase: Phase;
  status: 'pending' | PhaseStatus;
  /** ms since the epoch; null until it starts. */
  startedAt: number | null;
  /** Duration from the runtime's monotonic clock; null while unknown. */
  ms: number | null;
  detail: string | null;
  /** Of model-load: open, and nothing is being loaded now. */
  paused: boolean;
  expectedMs: number | null;
  /** Most memory sampled while it was the current phase, by device. */
  peakBytes: Record<string, number>;
}

/** Debugging of a run, as the last event says; what `waiting` told of the runner stays. */
export type DebugRecord = Omit<DebugEvent, 'type' | 'at'>;

export interface RunRecord {
  run: string;
  file: string;
  qualname: string;
  startedAt: number;
  status: 'active' | 'succeeded' | 'failed' | 'cancelled';
  /** Whole duration once ended. */
  ms: number | null;
  phases: PhaseRecord[];
  device: 'cpu' | 'gpu' | null;
  gpu: string | null;
  container: string | null;
  warm: boolean | null;
  attempt: number;
  calls: { done: number; failed: number; total: number } | null;
  /** Null for a run without a `.map`. */
  batch: BatchEvent | null;
  /** The first inputs that failed; `batch` counts all. */
  failedInputs: InputFailedEvent[];
  /** Null for a run that is none of another one's failed inputs. */
  rerun: RerunEvent | null;
  /** What these gave, the newest MAX_YIELDS of them. */
  inputResults: InputResultEvent[];
  /** Samples in time order, thinned to at most MAX_SAMPLES for each device. */
  memory: MemorySample[];
  peakBytes: Record<string, number>;
  yields: ResultValue[];
  result: ResultValue | null;
  error: RunError | null;
  cost: CostEvent | null;
  /** Null where nobody debugs it or did. */
  debug: DebugRecord | null;
  lines: number;
  gaps: { afterSeq: number; lines: number; reason: string }[];
}

const MAX_SAMPLES = 600;
const MAX_YIELDS = 1000;

export function newRunRecord(
  run: string,
  file: string,
  qualname: string,
  startedAt: number,
): RunRecord {
  return {
    run,
    file,
    qualname,
    startedAt,
    status: 'active',
    ms: null,
    phases: phases.map((phase) => ({
      phase,
      status: 'pending',
      startedAt: null,
      ms: null,
      detail: null,
      paused: false,
      expectedMs: null,
      peakBytes: {},
    })),
    device: null,
    gpu: null,
    container: null,
    warm: null,
    attempt: 1,
    calls: null,
    batch: null,
    failedInputs: [],
    rerun: null,
    inputResults: [],
    memory: [],
    peakBytes: {},
    yields: [],
    result: null,
    error: null,
    cost: null,
    debug: null,
    lines: 0,
    gaps: [],
  };
}

/**
 * The phase to show as current: the last one that started and has not ended. A model load goes before
 * the imports or the function that it happens in.
 */
export function currentPhase(record: RunRecord): PhaseRecord | undefined {
  const open = record.phases.filter(
    ({ status, paused }) => !paused && (status === 'started' || status === 'progress'),
  );
  return open.find(({ phase }) => phase === 'model-load') ?? open.at(-1);
}

/** Applies one event. Returns a new record; the old one stays as it was. */
export function applyRunEvent(record: RunRecord, event: RunEvent): RunRecord {
  switch (event.type) {
    case 'phase':
      return {
        ...record,
        phases: record.phases.map((phase) =>
          phase.phase === event.phase
            ? {
                phase: phase.phase,
                status: event.status,
                startedAt:
                  phase.startedAt ??
                  (event.status === 'skipped' ? null : event.at - (event.ms ?? 0)),
                ms: event.ms ?? (endsPhase(event.status) ? 0 : phase.ms),
                detail: event.detail ?? phase.detail,
                paused: event.paused ?? false,
                expectedMs: event.expectedMs === undefined ? phase.expectedMs : event.expectedMs,
                peakBytes: phase.peakBytes,
              }
            : phase,
        ),
      };
    case 'memory':
      return {
        ...record,
        memory: thin([...record.memory, event]),
        phases: withPeak(record, event),
        peakBytes: {
          ...record.peakBytes,
          [event.device]: Math.max(
            record.peakBytes[event.device] ?? 0,
            event.peakBytes ?? 0,
            event.usedBytes,
          ),
        },
      };
    case 'cost':
      return { ...record, cost: event };
    case 'debug': {
      const { type: _type, at: _at, ...told } = event;
      const { reason: _reason, ...before } = record.debug ?? told;
      return { ...record, debug: { ...before, ...told } };
    }
    case 'container':
      return {
        ...record,
        container: event.container,
        warm: event.warm,
        device: event.device,
        gpu: event.gpu,
      };
    case 'attempt':
      return { ...record, attempt: event.attempt };
    case 'calls':
      return { ...record, calls: { done: event.done, failed: event.failed, total: event.total } };
    case 'batch':
      return { ...record, batch: event, peakBytes: raised(record.peakBytes, event.peaks ?? []) };
    case 'input-failed':
      return { ...record, failedInputs: [...record.failedInputs, event] };
    case 'rerun':
      return { ...record, rerun: event };
    case 'deploy':
      return record;
    case 'input-result':
      return { ...record, inputResults: [...record.inputResults, event].slice(-MAX_YIELDS) };
    case 'log-gap':
      return {
        ...record,
        gaps: [
          ...record.gaps,
          { afterSeq: event.afterSeq, lines: event.lines, reason: event.reason },
        ],
      };
    case 'items-gap':
      // The record has the newest items, which come behind the gap.
      return record;
    case 'yield':
      return { ...record, yields: [...record.yields, event.item].slice(-MAX_YIELDS) };
    case 'result':
      return { ...record, result: event.result };
    case 'error':
      return { ...record, error: event.error };
    case 'ended':
      return { ...record, status: event.status, ms: event.ms, lines: event.lines };
    default:
      return event satisfies never;
  }
}

/** A short input's peak may lie between two samples. */
function raised(
  peakBytes: Record<string, number>,
  peaks: readonly InputPeak[],
): Record<string, number> {
  const raised = { ...peakBytes };
  for (const { device, bytes } of peaks) raised[device] = Math.max(raised[device] ?? 0, bytes);
  return raised;
}

/** The sample counts for the phase that is current: what a worker says of its peak may be an earlier phase's. */
function withPeak(record: RunRecord, { device, usedBytes }: MemorySample): PhaseRecord[] {
  const current = currentPhase(record);
  if (current === undefined || usedBytes <= (current.peakBytes[device] ?? -1)) return record.phases;
  const peakBytes = { ...current.peakBytes, [device]: usedBytes };
  return record.phases.map((phase) => (phase === current ? { ...phase, peakBytes } : phase));
}

/** Drops every second of the older half when there are too many, so that the newest stay dense. */
function thin(samples: MemorySample[]): MemorySample[] {
  if (samples.length <= MAX_SAMPLES) return samples;
  const half = samples.length >> 1;
  return samples.filter((_, index) => index >= half || index % 2 === 0);
}
