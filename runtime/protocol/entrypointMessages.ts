/** What a local entrypoint asks of the client that started it, in frames of workerFrames.ts; answered as invocations are. */
import * as z from 'zod';
import { environmentSchema } from './deployments';

export const entrypointMessageSchema = z.discriminatedUnion('type', [
  /**
   * Deploys an app of the run's own bundle and file. The answer is one output, in JSON: see `DeployAnswer`; or the
   * end with an error.
   */
  z.object({
    type: z.literal('deploy'),
    invocation: z.number().int(),
    app: z.string(),
    environment: environmentSchema,
  }),
  z.object({ type: z.literal('cancel-invocation'), invocation: z.number().int() }),
]);
export type EntrypointMessage = z.infer<typeof entrypointMessageSchema>;

export interface DeployAnswer {
  version: number;
  /** The run that told of the deploy. */
  run: string;
  /** HTTP addresses by name of function. */
  addresses: Readonly<Record<string, string>>;
}
