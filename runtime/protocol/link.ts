/** Unsequenced messages that set a connection up and keep its numbers in step. */
import * as z from 'zod';
import { wireErrorSchema } from './errors';

const helloSchema = z.object({
  link: z.literal('hello'),
  protocol: z.number().int(),
  client: z.object({ name: z.string().max(200), version: z.string().max(50) }),
  capabilities: z.array(z.string()).max(64),
  /** Present to go on with a session after a drop: the last sequence number received. */
  resume: z.object({ session: z.string().max(100), received: z.number().int().min(0) }).optional(),
});
export type Hello = z.infer<typeof helloSchema>;

const welcomeSchema = z.object({
  link: z.literal('welcome'),
  protocol: z.number().int(),
  session: z.string(),
  /** False when a resume was asked for and the session is gone: the client starts afresh. */
  resumed: z.boolean(),
  /** Last sequence number that the runtime received in this session. */
  received: z.number().int().min(0),
  runtime: z.object({ id: z.string(), name: z.string(), version: z.string() }),
  capabilities: z.array(z.string()),
});
export type Welcome = z.infer<typeof welcomeSchema>;

const refusedSchema = z.object({ link: z.literal('refused'), error: wireErrorSchema });
const ackSchema = z.object({ link: z.literal('ack'), received: z.number().int().min(0) });

export const linkMessageSchema = z.discriminatedUnion('link', [
  helloSchema,
  welcomeSchema,
  refusedSchema,
  ackSchema,
]);
export type LinkMessage = z.infer<typeof linkMessageSchema>;

/** A sequenced control frame. */
export const sequencedSchema = z.object({
  seq: z.number().int().min(1),
  ack: z.number().int().min(0),
  body: z.unknown(),
});
