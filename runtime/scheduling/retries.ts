/** Which failures are tried again, how often, and after how long. Pure. */
import type { RunError } from '../protocol/values';

/** Deaths of worker or runner that cost an input of a batch nothing, on top of its own retries. */
const BATCH_INFRASTRUCTURE_RETRIES = 2;
const FIRST_BACK_OFF_MS = 250;
const LONGEST_BACK_OFF_MS = 30_000;

/** These fail the same way every time. */
const DETERMINISTIC = new Set([
  'SystemExit',
  'ResultNotSerializable',
  'ResultTooLarge',
  'ModuleNotFoundError',
  'ImportError',
  'SyntaxError',
  'IndentationError',
  'ArgumentError',
]);

export interface Attempts {
  /** Attempts made, the failed one included. */
  made: number;
  /** How many of them the platform lost. */
  lost: number;
  /** options.retries of the function. */
  allowed: number;
  /** One input of many: the death of a worker must not cost it. */
  batch: boolean;
  /** It ran at once with others, any of which may have ended their runner. */
  shared: boolean;
}

export function isRetriable(error: RunError): boolean {
  if (error.kind === 'infrastructure') return true;
  return error.kind === 'user' && !DETERMINISTIC.has(error.type ?? '');
}

/** ms to wait before the next attempt, or undefined when this failure is final. */
export function retryAfterMs(error: RunError, attempts: Attempts): number | undefined {
  if (!isRetriable(error)) return undefined;
  const allowance = attempts.batch ? BATCH_INFRASTRUCTURE_RETRIES : attempts.shared ? 1 : 0;
  const free = Math.min(attempts.lost, allowance);
  const counted = attempts.made - free;
  if (counted > attempts.allowed) return undefined;
  if (error.kind === 'infrastructure' && counted === 0) return 0;
  return Math.min(LONGEST_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** Math.max(0, attempts.made - 1));
}
