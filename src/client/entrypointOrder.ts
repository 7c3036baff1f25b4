/** What the process of a local entrypoint is told on its stdin, and what it answers on its stdout: a line of JSON each. */
import * as z from 'zod';
import { functionKindSchema } from '../../runtime/protocol/description';
import { wireErrorSchema } from '../../runtime/protocol/errors';
import { runIdSchema, sha256Schema } from '../../runtime/protocol/ids';
import { callArgumentsSchema } from '../../runtime/protocol/values';

export const entrypointOrderSchema = z.object({
  /** The runtime, as whoever started the run reaches it. */
  address: z.object({
    url: z.string(),
    token: z.string(),
    fingerprint: z.string().optional(),
  }),
  client: z.object({ name: z.string(), version: z.string() }),
  run: runIdSchema,
  python: z.object({ executable: z.string(), packages: z.string() }),
  request: z.object({
    root: z.string(),
    file: z.string(),
    qualname: z.string(),
    kind: functionKindSchema,
    arguments: callArgumentsSchema,
    cpu: z.boolean(),
  }),
  /** Unsaved text by absolute path. */
  overlay: z.array(z.tuple([z.string(), z.string()])),
  shipped: z.object({ bundle: sha256Schema, files: z.array(z.string()) }),
});
export type EntrypointOrder = z.infer<typeof entrypointOrderSchema>;

/** It is connected and on its own from here on, or it could not be. */
export const entrypointAnswerSchema = z.union([
  z.object({ connected: z.literal(true) }),
  z.object({ error: wireErrorSchema }),
]);
export type EntrypointAnswer = z.infer<typeof entrypointAnswerSchema>;
