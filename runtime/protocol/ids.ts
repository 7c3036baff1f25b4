/** Names of things that cross the wire. */
import * as z from 'zod';

export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);
/** Ids of runs, made by the client, so that a repeated start is recognised. */
export const runIdSchema = z.string().regex(/^run-[0-9a-z]{10,32}$/);
/** Streams that clients open are odd, the runtime's own are even. */
export const streamIdSchema = z.number().int().min(1).max(0xffff_ffff);
