/** How long a call may take, and what it is told when that is over. */
import type { RunError } from '../protocol/values';
import type { Call, PhaseMessage } from './call';
import type { Clock } from './clock';
import { stoppedFromOutside } from './platformErrors';

/** Watches the calls of one container: one timer for all, set again when it fires or a deadline moves. */
export class Deadlines {
  private undo: (() => void) | undefined;
  /** Since when no deadline comes nearer, in monotonic ms. */
  private heldAt: number | undefined;

  constructor(
    private readonly clock: Clock,
    /** Oldest first: those behind one that has not begun have not begun either. */
    private readonly calls: () => Iterable<Call>,
    private readonly isOver: (call: Call) => void,
  ) {}

  /** A call has begun. */
  watch(): void {
    if (this.undo === undefined) this.look();
  }

  /** A call's deadline is another now. */
  moved(): void {
    this.look();
  }

  stop(): void {
    this.undo?.();
    this.undo = undefined;
  }

  /** Code stands still in a debugger: no deadline comes nearer. */
  hold(): void {
    this.heldAt ??= this.clock.monotonic();
    this.stop();
  }

  /** It goes on: what was held does not count. */
  release(): void {
    const { heldAt } = this;
    if (heldAt === undefined) return;
    this.heldAt = undefined;
    const now = this.clock.monotonic();
    for (const call of this.calls()) {
      if (call.startedAt !== undefined) call.heldMs += now - Math.max(heldAt, call.startedAt);
    }
    this.look();
  }

  private look(): void {
    this.stop();
    if (this.heldAt !== undefined) return;
    let next = Infinity;
    const now = this.clock.monotonic();
    for (const call of this.calls()) {
      if (call.startedAt === undefined) break;
      if (call.ending !== undefined) continue;
      const left = deadlineOf(call, call.startedAt) - now;
      if (left <= 0) this.isOver(call);
      else next = Math.min(next, left);
    }
    if (next !== Infinity) this.undo = this.clock.timer(next, () => this.look());
  }
}

/** In monotonic ms. Model loading has a limit of its own and does not count against the function's. */
function deadlineOf(call: Call, startedAt: number): number {
  const { timeoutMs, startupTimeoutMs } = call.target.function.options;
  if (call.loadingSince !== undefined)
    return call.loadingSince + call.heldMs + (startupTimeoutMs ?? timeoutMs);
  return startedAt + call.modelLoadMs + call.heldMs + timeoutMs;
}

export function timedOut(call: Call): RunError {
  const { timeoutMs, startupTimeoutMs } = call.target.function.options;
  const loading = call.loadingSince !== undefined;
  const limitMs = loading ? (startupTimeoutMs ?? timeoutMs) : timeoutMs;
  const what = loading ? 'Loading the model' : call.target.function.qualname;
  const option = loading ? 'startup_timeout' : 'timeout';
  return {
    kind: 'timeout',
    type: loading ? 'StartupTimeout' : 'FunctionTimeout',
    message: `${what} did not end within ${limitMs / 1000} s.`,
    traceback: [],
    hint: `Raise \`${option}\` in its decorator, or make it quicker.`,
  };
}

/**
 * The failure that was decided on, with the place where the worker says the code was. Where a worker says
 * `cancelled` and nobody here asked for that, somebody else stopped the container.
 */
export function withTraceback(ending: RunError | undefined, reported: RunError): RunError {
  const decided = ending ?? (reported.kind === 'cancelled' ? stoppedFromOutside() : undefined);
  if (decided === undefined) return reported;
  return {
    ...decided,
    traceback: reported.traceback,
    ...(reported.text === undefined ? {} : { text: reported.text }),
  };
}

/**
 * Notes what a worker says of model loading in a call: `ms` is the sum so far, exact at the moment it is told, and
 * progress without a detail says that nothing is being loaded now. True where the call's deadline is another now.
 */
export function noteModelLoad(
  call: Call,
  { status, ms = 0, detail }: Pick<PhaseMessage, 'status' | 'ms' | 'detail'>,
  now: number,
): boolean {
  const before = call.loadingSince;
  const loading = (status === 'started' || status === 'progress') && detail !== undefined;
  call.modelLoadMs = ms;
  // What was loaded before counts to the same limit.
  call.loadingSince = loading ? (before ?? now - ms) : undefined;
  return before !== call.loadingSince;
}
