/** Bodies of sequenced control frames, both directions. */
import * as z from 'zod';
import { wireErrorSchema } from './errors';
import { runEventSchema } from './events';
import { runIdSchema } from './ids';
import { budgetAlertSchema } from './metering';
import { containerSchema, gpuSchema, methodNames } from './methods';

const creditSchema = z.object({
  type: z.literal('credit'),
  stream: z.number().int(),
  bytes: z.number().int().min(1),
});

/** Parameters are checked against the method's own schema afterwards. */
const requestSchema = z.object({
  type: z.literal('request'),
  id: z.number().int(),
  method: z.enum(methodNames),
  params: z.unknown(),
});

export const clientMessageSchema = z.discriminatedUnion('type', [requestSchema, creditSchema]);
export type ClientMessage = z.infer<typeof clientMessageSchema>;

export const runtimeMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('response'), id: z.number().int(), result: z.unknown() }),
  z.object({ type: z.literal('failure'), id: z.number().int(), error: wireErrorSchema }),
  creditSchema,
  /** Events of a watched run; several at once where they arise at once. */
  z.object({ type: z.literal('run'), run: runIdSchema, events: z.array(runEventSchema) }),
  /** Containers changed. Newest only: telemetry may skip states. */
  z.object({ type: z.literal('containers'), containers: z.array(containerSchema) }),
  z.object({ type: z.literal('gpus'), gpus: z.array(gpuSchema) }),
  /** Versions, or what environments serve, changed: `deployment.list` tells how. */
  z.object({ type: z.literal('deployments') }),
  /**
   * Every budget that is near its end or past it: said when one has become so, and to a client that connects later.
   * Only to clients with the capability `budgets`.
   */
  z.object({ type: z.literal('budgets'), budgets: z.array(budgetAlertSchema) }),
]);
export type RuntimeMessage = z.infer<typeof runtimeMessageSchema>;
