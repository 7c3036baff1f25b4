/**
 * Requests a client makes of a runtime: one entry each, parameters and result checked on both sides.
 * A handler table typed by `MethodName` makes a missing handler a compile error.
 */
import * as z from 'zod';
import { activeRunSchema, runOriginSchema } from './activeRuns';
import { appDescriptionSchema, functionKindSchema } from './description';
import { gpuLiveSchema } from './gpus';
import { deploymentMethods } from './deploymentMethods';
import { environmentSchema } from './deployments';
import { runIdSchema, sha256Schema, streamIdSchema } from './ids';
import { budgetSchema, budgetStateSchema, costReportSchema } from './metering';
import { postMortemSchema } from './postMortem';
import {
  resourceNameSchema,
  secretSchema,
  secretValuesSchema,
  storageItemSchema,
  storageKindSchema,
} from './resources';
import { callArgumentsSchema, runErrorSchema } from './values';

export const fileEntrySchema = z.object({
  /** Relative to the bundle's root, `/` between parts, no `..`. */
  path: z.string().min(1).max(4096),
  sha256: sha256Schema,
  size: z.number().int().min(0),
  /** Unix permission bits: 0o644 or 0o755. */
  mode: z.number().int(),
});
export type FileEntry = z.infer<typeof fileEntrySchema>;

/** Blobs sent one after another on a client-opened stream, right behind the request that names them. */
export const blobUploadSchema = z.object({
  stream: streamIdSchema,
  items: z.array(z.object({ sha256: sha256Schema, size: z.number().int().min(0) })).min(1),
});
export type BlobUpload = z.infer<typeof blobUploadSchema>;

const bundleOfferSchema = z.object({
  /** SHA-256 of the manifest, see bundles.ts. */
  bundle: sha256Schema,
  /** All files, or a change to a bundle that the runtime has. */
  content: z.union([
    z.object({ files: z.array(fileEntrySchema) }),
    z.object({ base: sha256Schema, upsert: z.array(fileEntrySchema), remove: z.array(z.string()) }),
  ]),
  /** Blobs that the client expects to be missing and sends without waiting. */
  upload: blobUploadSchema.optional(),
});
const missingSchema = z.object({ missing: z.array(sha256Schema) });

export const gpuSchema = z.object({
  index: z.number().int(),
  uuid: z.string(),
  /** The card's own name, for example `NVIDIA L4`. */
  name: z.string(),
  /** The name functions ask for, for example `L4`, where known. */
  model: z.string().nullable(),
  memoryTotalBytes: z.number(),
  memoryUsedBytes: z.number().nullable(),
  /** The newest sample; absent until there is one. */
  live: gpuLiveSchema.optional(),
});
export type Gpu = z.infer<typeof gpuSchema>;

export const gpuListSchema = z.object({
  gpus: z.array(gpuSchema),
  /** Why there is none, where there is none. */
  note: z.string().nullable(),
  /** Who measures them, and why nobody better does, a whole sentence. */
  source: z.string().optional(),
});
export type GpuList = z.infer<typeof gpuListSchema>;

export const runtimeInfoSchema = z.object({
  id: z.string(),
  name: z.string(),
  version: z.string(),
  engine: z.enum(['process', 'docker', 'swarm']),
  pid: z.number().int(),
  startedAt: z.number(),
  platform: z.string(),
  python: z.object({ executable: z.string(), version: z.string() }).nullable(),
  gpus: z.array(gpuSchema),
  /** Why no GPU was found, where none was. */
  gpuNote: z.string().nullable(),
});
export type RuntimeInfo = z.infer<typeof runtimeInfoSchema>;

export const runTargetSchema = z.object({
  bundle: sha256Schema,
  /** File of the bundle that declares the function. */
  file: z.string(),
  qualname: z.string(),
  kind: functionKindSchema,
});
export type RunTarget = z.infer<typeof runTargetSchema>;

export const runStatusSchema = z.enum(['active', 'succeeded', 'failed', 'cancelled']);
export const runSummarySchema = z.object({
  run: runIdSchema,
  app: z.string().nullable(),
  file: z.string(),
  qualname: z.string(),
  status: runStatusSchema,
  startedAt: z.number(),
  ms: z.number().nullable(),
  gpu: z.string().nullable(),
  usd: z.number().nullable(),
  lines: z.number().int(),
  error: runErrorSchema.nullable(),
  /** Of a call of what an environment serves, and of a deploy to it. */
  environment: environmentSchema.optional(),
  /** It is a call over HTTP, which no person began: `run.list` leaves it out, and its record goes sooner. */
  endpoint: z.boolean().optional(),
});
export type RunSummary = z.infer<typeof runSummarySchema>;

export const containerSchema = z.object({
  container: z.string(),
  app: z.string(),
  /** Of a container that serves what is deployed there; such a container serves nothing else. */
  environment: environmentSchema.optional(),
  image: z.string(),
  engine: z.string(),
  state: z.enum(['starting', 'idle', 'busy', 'stopping']),
  gpu: z.string().nullable(),
  pid: z.number().int().nullable(),
  startedAt: z.number(),
  /** When it stops if nothing comes, ms since the epoch. */
  idleUntil: z.number().nullable(),
  memoryBytes: z.number().nullable(),
  /** Its own memory on its cards, as sampled last; null where it is not told apart from others'. */
  gpuMemoryBytes: z.number().nullable().optional(),
  /** Runs it is working on now. */
  runs: z.array(runIdSchema),
});
export type Container = z.infer<typeof containerSchema>;

export const deviceSchema = z.object({
  id: z.string(),
  name: z.string(),
  pairedAt: z.number(),
  lastSeenAt: z.number().nullable(),
  current: z.boolean(),
});

const checkSchema = z.object({
  name: z.string(),
  ok: z.boolean(),
  detail: z.string(),
  remedy: z.string().nullable(),
});
export type Check = z.infer<typeof checkSchema>;

const emptySchema = z.object({});

export const methods = {
  'runtime.info': { params: emptySchema, result: runtimeInfoSchema },
  'runtime.doctor': { params: emptySchema, result: z.object({ checks: z.array(checkSchema) }) },

  /**
   * This client needs the runtime no more: an embedded runtime ends as soon as its last client has left,
   * without waiting for another. `ends`: it will, since no other client is attached.
   */
  'runtime.release': { params: emptySchema, result: z.object({ ends: z.boolean() }) },

  /** Error `bundle-base-unknown`: offer again with all files. */
  'bundle.offer': { params: bundleOfferSchema, result: missingSchema },
  'bundle.upload': {
    params: z.object({ bundle: sha256Schema, upload: blobUploadSchema }),
    result: missingSchema,
  },

  /** Reads apps, images and options by importing the file in a throwaway process. */
  'app.describe': {
    params: z.object({ bundle: sha256Schema, file: z.string() }),
    result: z.union([
      z.object({ apps: z.array(appDescriptionSchema) }),
      z.object({ error: runErrorSchema }),
    ]),
  },

  /** Starts a run and watches it. The same id again watches the run that exists. */
  'run.start': {
    params: runTargetSchema.extend({
      run: runIdSchema,
      arguments: callArgumentsSchema,
      /** Constructor arguments, for a method. */
      instance: callArgumentsSchema.optional(),
      /** Run a GPU function on CPU where there is no GPU. */
      cpu: z.boolean(),
      /**
       * Debug it: a runner of its own waits for a client before it imports, see the run event `debug`. Not for a
       * local entrypoint (`invalid`).
       */
      debug: z.boolean().optional(),
      origin: runOriginSchema.optional(),
    }),
    result: z.object({ logStream: streamIdSchema }),
  },
  /**
   * Runs the inputs that failed in the `.map`s of a run that is over, once each, as a run of its own: with the code
   * of this bundle, or, for those of what an environment serves, with what it serves now. Its events say which run
   * it is of. The same id again watches the run that exists. Errors `not-found` (no such run, nothing of it failed
   * or was kept), `conflict` (it goes on), `bundle-incomplete`.
   */
  'run.rerun': {
    params: z.object({
      run: runIdSchema,
      of: runIdSchema,
      bundle: sha256Schema,
      /** File of the bundle that declares the functions. */
      file: z.string(),
      cpu: z.boolean(),
      origin: runOriginSchema.optional(),
    }),
    result: z.object({ logStream: streamIdSchema }),
  },
  /** What `run.rerun` of a run would run; errors as there. `file`, `qualname`: of that run. */
  'run.failedInputs': {
    params: z.object({ run: runIdSchema }),
    result: z.object({
      file: z.string(),
      qualname: z.string(),
      inputs: z.number().int(),
      notKept: z.number().int(),
    }),
  },
  /** Watches a run from a line on; events that are past are sent again first. */
  'run.attach': {
    params: z.object({ run: runIdSchema, afterSeq: z.number().int().min(0) }),
    result: z.object({ summary: runSummarySchema, logStream: streamIdSchema }),
  },
  'run.cancel': { params: z.object({ run: runIdSchema }), result: emptySchema },
  /** For a local entrypoint: the client opens a stream of caller frames and one of its own output. */
  'run.openCaller': {
    params: z.object({
      run: runIdSchema,
      callerStream: streamIdSchema,
      outputStream: streamIdSchema,
    }),
    result: emptySchema,
  },
  /** For a local entrypoint: it has ended on the client's side. */
  'run.finish': {
    params: z.object({
      run: runIdSchema,
      error: runErrorSchema.nullable(),
      /** Of the entrypoint's own code, with the error. */
      frames: postMortemSchema.optional(),
    }),
    result: emptySchema,
  },
  /** Frames and variables of a failed run, secrets hidden. Error `not-found`: no such run, or it kept none. */
  'run.frames': { params: z.object({ run: runIdSchema }), result: postMortemSchema },
  /** Runs that go on and that a client of this device started, with what each was started with; newest first. */
  'run.active': { params: emptySchema, result: z.object({ runs: z.array(activeRunSchema) }) },
  /** Newest first. Calls of endpoints come in great numbers: they are listed for themselves, when asked for. */
  'run.list': {
    params: z.object({
      limit: z.number().int().min(1).max(1000),
      /** List calls of endpoints in place of everything else. */
      endpoints: z.boolean().optional(),
    }),
    result: z.object({
      runs: z.array(runSummarySchema),
      /** Calls of endpoints that go on now; absent where there are none. */
      activeEndpointCalls: z.number().int().optional(),
    }),
  },

  /**
   * Opens a channel to debugpy's adapter once the run's `debug` event says `waiting`. The client opens `stream`, both
   * ways; its bytes are the Debug Adapter Protocol as the adapter speaks it (`Content-Length` headers), cut anywhere.
   * The first channel is for the function's process: the client sends `initialize`, `attach` with
   * `{redirectOutput: false, subProcess: true, …}` and so on. For each process that joins, the adapter sends the
   * event `debugpyAttach`; the client opens another channel and sends that event's body as its `attach` arguments
   * (`connect` in it is of no use outside of the container and may stay). The stream ends when the run does, or the
   * process; ending it detaches, and the code goes on. A lost session cancels the run.
   * Errors `not-found`, `conflict` (not a debug run, not waiting yet, over).
   */
  'debug.open': {
    params: z.object({ run: runIdSchema, stream: streamIdSchema }),
    result: emptySchema,
  },
  /**
   * Waits for the next call of this container. It answers with the call's run when the call begins, which waits for
   * a client before it executes: watch the run, and open a channel as above. Given up by `debug.giveUp` or the end
   * of the session. Errors `not-found`, `conflict` (somebody waits already), `cancelled` (given up, or the
   * container ended).
   */
  'debug.awaitCall': {
    params: z.object({ container: z.string() }),
    result: z.object({ run: runIdSchema }),
  },
  /** This session waits no more for a call of the container; nothing happens where it did not. */
  'debug.giveUp': { params: z.object({ container: z.string() }), result: emptySchema },

  ...deploymentMethods,

  'container.list': {
    params: emptySchema,
    result: z.object({ containers: z.array(containerSchema) }),
  },
  'container.stop': { params: z.object({ container: z.string() }), result: emptySchema },
  /** Cards with a sample taken now. */
  'gpu.list': { params: emptySchema, result: gpuListSchema },

  /** Names and variables; values never leave the runtime. */
  'secrets.list': { params: emptySchema, result: z.object({ secrets: z.array(secretSchema) }) },
  /**
   * Sets variables of a secret, made where it lacks; others that it has stay. Runs see it from the next one on.
   * One with an environment stands, whole, in place of the one without for what is deployed there.
   */
  'secrets.set': {
    params: z.object({
      name: resourceNameSchema,
      values: secretValuesSchema,
      environment: environmentSchema.optional(),
    }),
    result: z.object({ secret: secretSchema }),
  },
  'secrets.remove': {
    params: z.object({ name: resourceNameSchema, environment: environmentSchema.optional() }),
    result: emptySchema,
  },

  /** What lies on the runtime's disk, measured now; largest first. */
  'storage.list': { params: emptySchema, result: z.object({ items: z.array(storageItemSchema) }) },
  /** Error `conflict` while it is in use. Of runs and bundles, those in use stay. */
  'storage.remove': {
    params: z.object({ kind: storageKindSchema, name: z.string() }),
    result: z.object({ bytes: z.number() }),
  },
  /** Removes what is over the limits, as the runtime does by itself from time to time. */
  'storage.prune': { params: emptySchema, result: z.object({ bytes: z.number() }) },

  /** What containers were used for in the last days, today counted, in the runtime's time zone. */
  'cost.report': {
    params: z.object({ days: z.number().int().min(1).max(3660) }),
    result: costReportSchema,
  },
  'budget.list': {
    params: emptySchema,
    result: z.object({ budgets: z.array(budgetStateSchema) }),
  },
  /** In place of the budget that the app, or the runtime, has. */
  'budget.set': { params: budgetSchema, result: z.object({ budget: budgetStateSchema }) },
  'budget.remove': { params: budgetSchema.pick({ app: true }), result: emptySchema },

  'device.list': { params: emptySchema, result: z.object({ devices: z.array(deviceSchema) }) },
  /** Without an id: the device that asks. Its connections close. */
  'device.revoke': { params: z.object({ device: z.string().optional() }), result: emptySchema },
} as const;

export type MethodName = keyof typeof methods;
export type MethodParams<M extends MethodName> = z.infer<(typeof methods)[M]['params']>;
export type MethodResult<M extends MethodName> = z.infer<(typeof methods)[M]['result']>;

export const methodNames = Object.keys(methods) as MethodName[];

/** `POST` to PAIR_PATH; answer `{token, device, runtime}` or a wire error. */
export const pairRequestSchema = z.object({
  code: z.string().max(64),
  deviceName: z.string().min(1).max(200),
});
export const pairResultSchema = z.object({
  /** 256-bit device token, shown once; the runtime keeps its SHA-256 only. */
  token: z.string(),
  device: z.string(),
  runtime: z.object({ id: z.string(), name: z.string(), version: z.string() }),
});
export type PairResult = z.infer<typeof pairResultSchema>;
