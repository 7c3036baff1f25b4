/** Headers that a worker sends to the runtime, and caller frames of the SDK. */
import * as z from 'zod';
import { environmentSchema } from './deployments';
import { phaseSchema, phaseStatusSchema } from './phases';
import { runErrorSchema } from './values';

const call = z.number().int().min(0);
/** On a runner's own line: output that goes first, in bytes since the runner's start. */
const logged = z.number().int().min(0).optional();
const load = z.number().int().min(0);

/** Caller protocol: what the SDK sends for `.remote`, `.map`, `.spawn`. */
export const callerMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('invoke'),
    invocation: z.number().int(),
    /** Of the caller's own code; absent where `deployed` names it. */
    app: z.string().optional(),
    function: z.string(),
    mode: z.enum(['call', 'map', 'gen', 'spawn']),
    ordered: z.boolean(),
    returnExceptions: z.boolean(),
    instance: z.boolean(),
    /**
     * Calls what an environment serves in place of the caller's own code; null: the environment that the caller
     * itself is deployed to, else staging. A runtime that does not know it takes no message without `app`.
     */
    deployed: z.object({ app: z.string(), environment: environmentSchema.nullable() }).optional(),
  }),
  z.object({
    type: z.literal('inputs'),
    invocation: z.number().int(),
    first: z.number().int(),
    sizes: z.array(z.number().int().min(0)),
    last: z.boolean(),
  }),
  z.object({ type: z.literal('cancel-invocation'), invocation: z.number().int() }),
]);
export type CallerMessage = z.infer<typeof callerMessageSchema>;

export const workerMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hello'),
    protocol: z.number().int(),
    token: z.string(),
    container: z.string(),
    pid: z.number().int(),
    python: z.string(),
    /** Said by a runner, whose load this is, on a line of its own. */
    runner: load.optional(),
    /** Said by a pump: the debug channel that it carries. The runtime answers with one byte; then all is DAP. */
    channel: z.number().int().min(1).optional(),
    /** Said by a worker that dials in again: what its runner has loaded, and the key that came with it. */
    loaded: z.object({ load, key: z.string() }).optional(),
  }),
  /** What the container has for debugging: the version of its own debugpy where that will do. */
  z.object({ type: z.literal('debug-probe'), load, own: z.string().nullable() }),
  /** The runner waits for a client, before its import or before the call. */
  z.object({
    type: z.literal('debug-waiting'),
    load,
    call: call.nullable(),
    /** Where debugpy's adapter listens on the container's loopback. */
    port: z.number().int().min(1).max(65535),
    pid: z.number().int(),
    root: z.string(),
    python: z.string(),
    debugpy: z.string(),
  }),
  /** It waits no more: the client has configured debugpy, or none is to be waited for. */
  z.object({ type: z.literal('debug-going'), load, call: call.nullable() }),
  z.object({ type: z.literal('loading'), load, pid: z.number().int() }),
  z.object({
    type: z.literal('phase'),
    load: load.nullable(),
    call: call.nullable(),
    phase: phaseSchema,
    status: phaseStatusSchema,
    ms: z.number().optional(),
    /**
     * Of model-load: what is being loaded. Progress without it: nothing is, though more may follow. Skipped: what was
     * to be loaded is in memory.
     */
    detail: z.string().optional(),
  }),
  z.object({ type: z.literal('loaded'), load, ms: z.number() }),
  z.object({ type: z.literal('load-failed'), load, error: runErrorSchema }),
  z.object({
    type: z.literal('result'),
    call,
    attempt: z.number().int(),
    ms: z.number(),
    modelLoadMs: z.number(),
    logged,
    format: z.enum(['mime', 'pickle']),
  }),
  z.object({
    type: z.literal('results'),
    items: z.array(
      z.object({
        call,
        attempt: z.number().int(),
        ms: z.number(),
        size: z.number().int().min(0),
        ok: z.boolean(),
        error: runErrorSchema.optional(),
        /** The most of the host's memory that the runner's own process held in the call, where that is known. */
        peakBytes: z.number().optional(),
      }),
    ),
  }),
  z.object({
    type: z.literal('yield'),
    call,
    index: z.number().int(),
    format: z.enum(['mime', 'pickle']),
  }),
  z.object({
    type: z.literal('error'),
    call,
    attempt: z.number().int(),
    ms: z.number(),
    logged,
    error: runErrorSchema,
  }),
  /** Ahead of an error, of a call or, null, of the import: its frames; the body is a PostMortem in JSON. */
  z.object({ type: z.literal('post-mortem'), call: call.nullable() }),
  z.object({
    type: z.literal('memory'),
    call: call.nullable(),
    device: z.string(),
    usedBytes: z.number(),
    /** The most since the call began, or since the import did. */
    peakBytes: z.number(),
    /** What it was doing, and the most that this took of the host's memory. */
    phase: phaseSchema.optional(),
    phasePeakBytes: z.number().optional(),
    totalBytes: z.number().nullable(),
    source: z.enum(['rss', 'torch']),
  }),
  z.object({
    type: z.literal('runner-exit'),
    load,
    code: z.number().int().nullable(),
    signal: z.number().int().nullable(),
    oom: z.boolean(),
    calls: z.array(call),
    error: runErrorSchema,
  }),
  ...callerMessageSchema.options,
]);
export type WorkerMessage = z.infer<typeof workerMessageSchema>;
