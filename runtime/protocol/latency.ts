/** How the time of a call divides into waiting, starting and working, as its phases measured it. Pure. */
import type { Phase } from './phaseOrder';
import type { PhaseRecord, RunRecord } from './runRecord';

/** The phases that a warm container spares a call. */
const COLD_PHASES: readonly Phase[] = [
  'provisioning',
  'image',
  'container',
  'imports',
  'model-load',
];

/** In ms; null while a phase is not over, or where the call never reached it. */
export interface Latency {
  queueMs: number | null;
  /** 0 where nothing had to start; so far, while the function runs. */
  coldStartMs: number | null;
  /** Its phases that took time. */
  coldParts: { phase: Phase; ms: number }[];
  executionMs: number | null;
  /** From request to result. */
  totalMs: number | null;
  /** Of the total, what no phase accounts for: the ways between the parts. */
  otherMs: number | null;
}

export function latencyOf(record: RunRecord): Latency {
  const of = (wanted: Phase): PhaseRecord | undefined =>
    record.phases.find(({ phase }) => phase === wanted);
  const running = of('running');
  const began = running !== undefined && running.status !== 'pending';
  const cold = COLD_PHASES.map((phase) => ({ phase, ms: beforeRunningMs(of(phase), began) }));
  const coldStartMs = sum(cold.map(({ ms }) => ms));
  const queueMs = tookMs(of('queued'));
  const executionMs = running?.status === 'skipped' ? null : tookMs(running);
  const known = sum([queueMs, coldStartMs, executionMs]);
  return {
    queueMs,
    coldStartMs,
    coldParts: cold.flatMap(({ phase, ms }) => (ms === null || ms === 0 ? [] : [{ phase, ms }])),
    executionMs,
    totalMs: record.ms,
    otherMs: record.ms === null || known === null ? null : Math.max(0, record.ms - known),
  };
}

/** True where a container had to start, or code to be loaded into one; null while that is unknown. */
export function startedCold(record: RunRecord): boolean | null {
  if (record.warm === null) return null;
  const imports = record.phases.find(({ phase }) => phase === 'imports');
  return !record.warm || (tookMs(imports) ?? 0) > 0;
}

function tookMs(phase: PhaseRecord | undefined): number | null {
  if (phase?.status === 'skipped') return 0;
  return phase?.status === 'done' || phase?.status === 'failed' ? phase.ms : null;
}

/** Once the function runs, what has not begun has cost it nothing: a model may still be loaded within it. */
function beforeRunningMs(phase: PhaseRecord | undefined, began: boolean): number | null {
  return began && phase?.status === 'pending' ? 0 : tookMs(phase);
}

function sum(parts: readonly (number | null)[]): number | null {
  let total = 0;
  for (const part of parts) {
    if (part === null) return null;
    total += part;
  }
  return total;
}
