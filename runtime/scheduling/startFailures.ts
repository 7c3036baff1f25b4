/** Starts and loads that failed in a row, by group of containers: when the next may be tried, and when to stop. */
import type { RunError } from '../protocol/values';
import type { Clock } from './clock';

/** Tries before a start is called a crash loop. */
export const MAX_TRIES = 3;
const FIRST_BACK_OFF_MS = 200;
const LONGEST_BACK_OFF_MS = 30_000;
/** Groups whose failures are remembered. */
const MAX_REMEMBERED = 200;

/** How a worker names the end of a process that nobody asked to end. */
const CRASHES = new Set([
  'Segfault',
  'Aborted',
  'FloatingPointFault',
  'IllegalInstruction',
  'RunnerExited',
  'RunnerKilled',
  'OutOfMemory',
]);

/** True when the process died, so that another try may end differently; false for what code or image raise. */
export function isCrash(error: RunError): boolean {
  return error.kind === 'infrastructure' || CRASHES.has(error.type ?? '');
}

interface Failures {
  count: number;
  /** When the last one that counted happened, in monotonic ms. */
  at: number;
  /** No further try before this, in monotonic ms; Infinity until somebody asks anew. */
  notBefore: number;
  /** The last one. */
  error: RunError;
}

export class StartFailures {
  private readonly groups = new Map<string, Failures>();

  constructor(private readonly clock: Pick<Clock, 'monotonic'>) {}

  /**
   * A start that began at `beganAt` (monotonic ms) crashed. Starts that failed side by side count once.
   * `elsewhere`: calls of the group can be worked on without it, so it goes on being tried, ever more rarely.
   */
  crashed(
    group: string,
    beganAt: number,
    elsewhere: boolean,
    error: RunError,
  ): { count: number; over: boolean } {
    const now = this.clock.monotonic();
    const known = this.groups.get(group);
    if (known !== undefined && beganAt < known.at) return { count: known.count, over: false };
    const count = (known?.count ?? 0) + 1;
    const over = count >= MAX_TRIES && !elsewhere;
    const backOffMs = Math.min(LONGEST_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** (count - 1));
    this.remember(group, { count, at: now, notBefore: over ? Infinity : now + backOffMs, error });
    return { count, over };
  }

  /** It fails the same way every time: nothing is tried until somebody asks anew. */
  giveUp(group: string, error: RunError): void {
    const at = this.clock.monotonic();
    this.remember(group, { count: MAX_TRIES, at, notBefore: Infinity, error });
  }

  /** ms until the next try; Infinity: not before somebody asks anew. */
  waitMs(group: string): number {
    const notBefore = this.groups.get(group)?.notBefore ?? 0;
    return Math.max(0, notBefore - this.clock.monotonic());
  }

  /** Why the last one failed; undefined where none did. */
  last(group: string): RunError | undefined {
    return this.groups.get(group)?.error;
  }

  /** A container of the group is of use. */
  worked(group: string): void {
    this.groups.delete(group);
  }

  /** Somebody asks: what was given up is tried anew. */
  asked(group: string): void {
    if (this.groups.get(group)?.notBefore === Infinity) this.groups.delete(group);
  }

  private remember(group: string, failures: Failures): void {
    this.groups.delete(group);
    this.groups.set(group, failures);
    const oldest = this.groups.keys().next();
    if (this.groups.size > MAX_REMEMBERED && oldest.done !== true) this.groups.delete(oldest.value);
  }
}
