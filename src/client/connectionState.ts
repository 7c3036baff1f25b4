/** The connection's states as a pure function: no socket, no clock, no randomness of its own. */
import type { VelarError } from '../../runtime/protocol/errors';

export type LinkState =
  | { kind: 'connecting' }
  | { kind: 'connected' }
  | {
      kind: 'reconnecting';
      /** Which try this is, from 1. */
      attempt: number;
      /** ms since the epoch. */
      retryAt: number;
      reason: string;
      /** When the socket dropped, ms since the epoch. */
      since: number;
      /** False while waiting for `retryAt`. */
      dialling: boolean;
    }
  | { kind: 'closed'; error: VelarError | null };

export type LinkEvent =
  | { type: 'welcomed' }
  /** The socket dropped or could not be opened. `random`: 0 to 1, for the jitter. */
  | { type: 'dropped'; error: VelarError; at: number; random: number }
  /** The wait before the next try is over. */
  | { type: 'retry' }
  | { type: 'closed'; error: VelarError | null };

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5_000;

/** Errors that another try can't mend. */
const FATAL: ReadonlySet<string> = new Set(['unauthorised', 'version', 'protocol', 'invalid']);

/** Wait before a try: doubles from 100 ms to 5 s, and up to half of it is left to chance. */
export function retryDelayMs(attempt: number, random: number): number {
  const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
  return Math.round(longest * (0.5 + random / 2));
}

/** The state after an event. `giveUpAfterMs`: how long after the drop the last try may begin. */
export function connectionReducer(
  state: LinkState,
  event: LinkEvent,
  giveUpAfterMs: number,
): LinkState {
  if (state.kind === 'closed') return state;
  switch (event.type) {
    case 'welcomed':
      return { kind: 'connected' };
    case 'closed':
      return { kind: 'closed', error: event.error };
    case 'retry':
      return state.kind === 'reconnecting' ? { ...state, dialling: true } : state;
    case 'dropped': {
      // A first connection that fails is told to whoever asked for it, who decides about another.
      if (state.kind === 'connecting' || FATAL.has(event.error.code)) {
        return { kind: 'closed', error: event.error };
      }
      const since = state.kind === 'reconnecting' ? state.since : event.at;
      const attempt = state.kind === 'reconnecting' ? state.attempt + 1 : 1;
      const retryAt = event.at + retryDelayMs(attempt, event.random);
      if (retryAt - since > giveUpAfterMs) return { kind: 'closed', error: event.error };
      return {
        kind: 'reconnecting',
        attempt,
        retryAt,
        since,
        reason: event.error.message,
        dialling: false,
      };
    }
    default:
      return event satisfies never;
  }
}
