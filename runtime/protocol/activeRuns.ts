/** Active runs, as another client of the device that started them needs them to take them up again. */
import * as z from 'zod';
import { functionKindSchema } from './description';
import { runIdSchema } from './ids';
import { callArgumentsSchema } from './values';

/** Where a client has the code of a run. The runtime opens nothing there; it tells it to clients of that device. */
export const runOriginSchema = z.object({
  /** Absolute path of the bundle's root. */
  root: z.string().max(4096),
  /** Document of the function, where it is no file below the root. */
  uri: z.string().max(8192).optional(),
});
export type RunOrigin = z.infer<typeof runOriginSchema>;

export const activeRunSchema = z.object({
  run: runIdSchema,
  origin: runOriginSchema,
  file: z.string(),
  qualname: z.string(),
  kind: functionKindSchema,
  startedAt: z.number(),
  arguments: callArgumentsSchema,
  instance: callArgumentsSchema.optional(),
  cpu: z.boolean(),
  debug: z.boolean().optional(),
  /** The run whose failed inputs it runs again. */
  rerunOf: runIdSchema.optional(),
});
export type ActiveRun = z.infer<typeof activeRunSchema>;
