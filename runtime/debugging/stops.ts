/** Which processes of a debug run stand still, as their adapters' messages tell. Pure. */
import * as z from 'zod';

const stoppedSchema = z.object({
  type: z.literal('event'),
  event: z.literal('stopped'),
  body: z.object({ reason: z.string() }),
});
const continuedSchema = z.object({ type: z.literal('event'), event: z.literal('continued') });
const RESUMES = ['continue', 'next', 'stepIn', 'stepOut'] as const;
const resumedSchema = z.object({
  type: z.literal('response'),
  success: z.literal(true),
  command: z.enum(RESUMES),
});
const resumeRequestSchema = z.object({ type: z.literal('request'), command: z.enum(RESUMES) });

interface Standing {
  reason: string | undefined;
  /** It stopped after it was last asked to go on: a response that comes late does not mean this stop. */
  sinceAsked: boolean;
}

export class Stops {
  private readonly channels = new Map<number, Standing>();

  /** Why some process stands still; undefined while all go on. */
  get reason(): string | undefined {
    for (const { reason } of this.channels.values()) if (reason !== undefined) return reason;
    return undefined;
  }

  /** A message of the client. */
  asked(channel: number, message: unknown): void {
    const standing = this.channels.get(channel);
    if (standing !== undefined && resumeRequestSchema.safeParse(message).success) {
      standing.sinceAsked = false;
    }
  }

  /** A message of the adapter. True where it says that something stopped or goes on. */
  told(channel: number, message: unknown): boolean {
    const stopped = stoppedSchema.safeParse(message);
    if (stopped.success) {
      this.channels.set(channel, { reason: stopped.data.body.reason, sinceAsked: true });
      return true;
    }
    const standing = this.channels.get(channel);
    if (standing?.reason === undefined) return false;
    const goesOn =
      continuedSchema.safeParse(message).success ||
      (!standing.sinceAsked && resumedSchema.safeParse(message).success);
    if (goesOn) standing.reason = undefined;
    return goesOn;
  }

  /** The channel is closed: its process goes on, or is gone. */
  closed(channel: number): void {
    this.channels.delete(channel);
  }
}
