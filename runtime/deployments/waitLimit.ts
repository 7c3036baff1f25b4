/**
 * Calls over HTTP whose client waits: none waits in line for ever. Time in which a container comes up for a call does
 * not count. One timer looks at all of them, and only while some have not begun.
 */
import type { RunError } from '../protocol/values';
import type { Call } from '../scheduling/call';
import type { Clock } from '../scheduling/clock';
import type { Run } from '../scheduling/run';

/** Looks within one limit: a call may wait longer than that by about so much of it. */
const LOOKS = 20;
/** A line that stood for that long is not gone in a second. */
const RETRY_AFTER_S = 10;

export interface WaitLimitOptions {
  clock: Clock;
  limitMs: number;
  /** True where it waits and nothing comes up for it. */
  waitsInLine: (call: Call) => boolean;
  fail: (run: Run, error: RunError) => void;
}

export class WaitLimit {
  /** How long each has waited, as of the time it was looked at last; in monotonic ms. */
  private readonly waiting = new Map<Run, { ms: number; lookedAt: number }>();
  private undo: (() => void) | undefined;

  constructor(private readonly options: WaitLimitOptions) {}

  /** From now on, until it begins. Returns the undo. */
  watch(run: Run): () => void {
    this.waiting.set(run, { ms: 0, lookedAt: this.options.clock.monotonic() });
    this.undo ??= this.lookLater();
    return () => this.forget(run);
  }

  private forget(run: Run): void {
    this.waiting.delete(run);
    if (this.waiting.size > 0) return;
    this.undo?.();
    this.undo = undefined;
  }

  private lookLater(): () => void {
    return this.options.clock.timer(this.options.limitMs / LOOKS, () => {
      this.undo = undefined;
      this.look();
      if (this.waiting.size > 0) this.undo ??= this.lookLater();
    });
  }

  private look(): void {
    const { clock, limitMs, waitsInLine, fail } = this.options;
    const now = clock.monotonic();
    for (const [run, waited] of [...this.waiting]) {
      if (!run.active || run.timeline.phase === 'running') {
        this.waiting.delete(run);
        continue;
      }
      if ([...run.calls].some(waitsInLine)) waited.ms += now - waited.lookedAt;
      waited.lookedAt = now;
      if (waited.ms < limitMs) continue;
      this.waiting.delete(run);
      fail(run, waitedTooLong(run, limitMs));
    }
  }
}

function waitedTooLong(run: Run, limitMs: number): RunError {
  const why = run.waitingFor === undefined ? '' : `: ${run.waitingFor}`;
  const coldS = Math.ceil((run.expectedColdStartMs ?? 0) / 1000);
  return {
    kind: 'capacity',
    type: 'WaitedTooLong',
    message: `The call waited in line for ${limitMs / 1000} s and did not begin${why}.`,
    traceback: [],
    hint: 'Call it again later, raise `max_containers`, or start it as a call that nobody waits for: those may wait for as long as it takes.',
    details: { retryAfterS: RETRY_AFTER_S + coldS },
  };
}
