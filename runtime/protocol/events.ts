/** What a run tells its watchers. Log lines travel on the run's log stream (see logChunks.ts). */
import * as z from 'zod';
import { environmentSchema } from './deployments';
import { cardSampleSchema } from './gpus';
import { runIdSchema } from './ids';
import { phaseSchema, phaseStatusSchema } from './phases';
import { resultSchema, runErrorKinds, runErrorSchema } from './values';

const at = z.number();

export const memorySampleSchema = z.object({
  type: z.literal('memory'),
  /** When the sample was taken, ms since the epoch. */
  at,
  /** `host`, `cuda:0`, or a card's name and index. */
  device: z.string(),
  usedBytes: z.number(),
  totalBytes: z.number().nullable(),
  /** The most since the call, or the import, began. */
  peakBytes: z.number().optional(),
  /** What was going on, and the most that this took, where known. */
  phase: phaseSchema.optional(),
  phasePeakBytes: z.number().optional(),
  source: z.enum(['nvml', 'nvidia-smi', 'torch', 'rss']),
  /** Of a card that NVML or nvidia-smi tells of. */
  card: cardSampleSchema.optional(),
});
export type MemorySample = z.infer<typeof memorySampleSchema>;

export const phaseEventSchema = z.object({
  type: z.literal('phase'),
  at,
  phase: phaseSchema,
  status: phaseStatusSchema,
  /** Duration of this phase so far, from a monotonic clock. */
  ms: z.number().optional(),
  detail: z.string().optional(),
  /** Of model-load: nothing is being loaded now, though more may follow before the phase ends. */
  paused: z.boolean().optional(),
  /** Median of earlier runs in which it happened the same way; null where that is unknown. Absent: as told before. */
  expectedMs: z.number().nullable().optional(),
  /** With its end: how it happened, such as `cold`, where it may happen in several ways. */
  way: z.string().optional(),
});
export type PhaseEvent = z.infer<typeof phaseEventSchema>;

const costSchema = z.object({
  /** Billed seconds. */
  seconds: z.number(),
  /** The card billed, or null on CPU. */
  gpu: z.string().nullable(),
  usd: z.number(),
  /** Where the rate comes from, shown beside the figure. */
  note: z.string().optional(),
});
export const costEventSchema = costSchema.extend({ type: z.literal('cost'), at });
export type CostEvent = z.infer<typeof costEventSchema>;

const inputPeakSchema = z.object({
  /** As memory samples name it. */
  device: z.string(),
  /**
   * The most that one input held. Of the host: resident memory of the runner's own process, without processes
   * that it started. Of a GPU: what torch allocated.
   */
  bytes: z.number(),
  function: z.string(),
  /** Its place among its map's inputs, from 0. */
  index: z.number().int(),
});
export type InputPeak = z.infer<typeof inputPeakSchema>;

/** How far the inputs of a run's `.map`s are, all of them together. At most four times a second. */
export const batchEventSchema = z.object({
  type: z.literal('batch'),
  at,
  /** Inputs that have their result. */
  done: z.number().int(),
  failed: z.number().int(),
  /** Given up, because the run or the caller gave up. */
  cancelled: z.number().int(),
  /** Inputs read so far: those above, those worked on, those that wait. */
  total: z.number().int(),
  /** They were read to their end: `total` is all that there are. */
  complete: z.boolean(),
  /** Of the failed ones, those that `run.rerun` can run again; absent where that is none. */
  kept: z.number().int().optional(),
  /** Inputs that ended a second lately; null while unknown. */
  perSecond: z.number().nullable(),
  /** Time that the rest takes at this pace; null while that, or `total`, is unknown. */
  leftMs: z.number().nullable(),
  /** Of the run so far: calls that go on count once they have ended. */
  cost: costSchema,
  /**
   * The input that held the most memory of a device, where known; null where inputs ran at once in one runner,
   * which tells nobody's memory apart.
   */
  peaks: z.array(inputPeakSchema).nullish(),
});
export type BatchEvent = z.infer<typeof batchEventSchema>;

/**
 * Where debugging of a run stands.
 * - `waiting`: the runner waits for a client before it imports (a run started with `debug`) or before it calls (a
 *   run of `debug.awaitCall`). Comes with `root`, `python`, `debugpy` and `pid`. Goes on by itself where no channel
 *   is opened within 30 s. Told again where the function starts over in another runner.
 * - `running`: the client has configured debugpy, or the code goes on after a stop.
 * - `stopped`: some process of the run stands still in the debugger; `reason` as DAP says it (`breakpoint`, `step`,
 *   `exception`, `pause`, …). Timeouts pause, the cost clock does not.
 * - `ended`: nobody debugs it any more; the code goes on, or the run is about to end.
 */
export const debugEventSchema = z.object({
  type: z.literal('debug'),
  at,
  state: z.enum(['waiting', 'running', 'stopped', 'ended']),
  /** Folder in the container that holds the bundle's files, absolute, without a slash at the end. */
  root: z.string().optional(),
  /** Version of the container's Python, such as `3.11.2`. */
  python: z.string().optional(),
  /** Version of the debugpy that is used. */
  debugpy: z.string().optional(),
  /** Process of the runner, as the container numbers it. */
  pid: z.number().int().optional(),
  reason: z.string().optional(),
});
export type DebugEvent = z.infer<typeof debugEventSchema>;

/** An input of a `.map` that has failed for good. At most 100 of a run are told; `batch` counts all. */
export const inputFailedEventSchema = z.object({
  type: z.literal('input-failed'),
  at,
  /** Which of the run's maps, from 1. */
  map: z.number().int(),
  function: z.string(),
  /** Its place among the map's inputs, from 0. */
  index: z.number().int(),
  /** Its arguments in a few words; null where nobody could read them, such as after the death of its worker. */
  input: z.string().nullable(),
  kind: z.enum(runErrorKinds),
  /** Name of the Python exception, or of the condition. */
  error: z.string().nullable(),
  /** The first line, at most 300 characters. */
  message: z.string(),
});
export type InputFailedEvent = z.infer<typeof inputFailedEventSchema>;

/** First of a run of the inputs that failed in another one. */
export const rerunEventSchema = z.object({
  type: z.literal('rerun'),
  at,
  /** The run in which they failed. */
  of: runIdSchema,
  inputs: z.number().int(),
  /** Inputs that failed there and are not run again, since they were not kept. */
  notKept: z.number().int(),
});
export type RerunEvent = z.infer<typeof rerunEventSchema>;

/** The run's code deploys: a run of its own. */
export const deployEventSchema = z.object({
  type: z.literal('deploy'),
  at,
  run: runIdSchema,
  app: z.string(),
  environment: environmentSchema,
});
export type DeployEvent = z.infer<typeof deployEventSchema>;

/** What an input gave that runs again; `map`, `function` and `index` as `input-failed` has them. */
export const inputResultEventSchema = z.object({
  type: z.literal('input-result'),
  at,
  map: z.number().int(),
  function: z.string(),
  index: z.number().int(),
  result: resultSchema,
});
export type InputResultEvent = z.infer<typeof inputResultEventSchema>;

export const runEventSchema = z.discriminatedUnion('type', [
  phaseEventSchema,
  memorySampleSchema,
  costEventSchema,
  debugEventSchema,
  z.object({
    type: z.literal('container'),
    at,
    container: z.string(),
    warm: z.boolean(),
    device: z.enum(['cpu', 'gpu']),
    gpu: z.string().nullable(),
  }),
  /** The run started over after a failed attempt. */
  z.object({ type: z.literal('attempt'), at, attempt: z.number().int(), reason: z.string() }),
  /** Progress of a batch or local entrypoint: calls done, failed and known so far. */
  z.object({
    type: z.literal('calls'),
    at,
    done: z.number().int(),
    failed: z.number().int(),
    total: z.number().int(),
  }),
  batchEventSchema,
  inputFailedEventSchema,
  rerunEventSchema,
  deployEventSchema,
  inputResultEventSchema,
  z.object({
    type: z.literal('log-gap'),
    at,
    afterSeq: z.number().int(),
    lines: z.number().int(),
    reason: z.string(),
  }),
  /** So many of a generator's items, between those told before and after this, are not kept for who watches later. */
  z.object({ type: z.literal('items-gap'), at, items: z.number().int() }),
  z.object({ type: z.literal('yield'), at, index: z.number().int(), item: resultSchema }),
  z.object({ type: z.literal('result'), at, result: resultSchema }),
  z.object({ type: z.literal('error'), at, error: runErrorSchema }),
  /** Always the last event; all log lines were sent before it. `lines` is how many there were. */
  z.object({
    type: z.literal('ended'),
    at,
    status: z.enum(['succeeded', 'failed', 'cancelled']),
    ms: z.number(),
    lines: z.number().int(),
  }),
]);
export type RunEvent = z.infer<typeof runEventSchema>;
