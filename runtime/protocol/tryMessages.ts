/** Messages of the panel's Try view: what the editor shows there, and what a person does in it. */
import * as z from 'zod';
import { environmentSchema } from './deployments';
import type { LogLine } from './logChunks';
import type { RunRecord } from './runRecord';
import { COMPARE_CALLS, COMPARE_INPUTS, type TryState } from './tryState';

/** Editor to page. */
export type TryHostMessage =
  /** Null: the page shows runs. */
  | { type: 'try'; state: TryState | null }
  /** The last call, null before there is one, and what it was of in a line. */
  | { type: 'tryCalled'; record: RunRecord | null; of: string }
  /** `whole`: all lines that are kept, else what came since. */
  | { type: 'tryLog'; run: string; lines: LogLine[]; dropped: number; whole: boolean };

/** Page to editor. */
export const tryPageMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('tryTarget'),
    app: z.string(),
    environment: environmentSchema,
    qualname: z.string().nullable(),
  }),
  z.object({
    type: z.literal('tryEdit'),
    part: z.enum(['call', 'instance']),
    name: z.string(),
    text: z.string().max(1_000_000),
  }),
  /** Fills in inputs of an earlier call. */
  z.object({ type: z.literal('trySaved'), index: z.number().int().min(0) }),
  z.object({ type: z.literal('tryCall') }),
  /** `inputs`: 1 for those of the form alone, more for so many of earlier calls, too, the newest first. */
  z.object({
    type: z.literal('tryCompare'),
    calls: z.literal(COMPARE_CALLS),
    inputs: z.number().int().min(1).max(COMPARE_INPUTS),
  }),
  /** Relative deviation up to which two numbers count as equal. */
  z.object({ type: z.literal('tryTolerance'), tolerance: z.number().min(0).max(1) }),
  z.object({ type: z.literal('tryShow'), shown: z.enum(['response', 'comparison']) }),
  z.object({ type: z.literal('tryCancel') }),
  /** Back to the runs. */
  z.object({ type: z.literal('tryClose') }),
]);
export type TryPageMessage = z.infer<typeof tryPageMessageSchema>;

/** True for a message of the Try view. */
export function isTryPageMessage(message: { type: string }): message is TryPageMessage {
  return message.type.startsWith('try');
}
