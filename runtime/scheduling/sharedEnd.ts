/** What the end of a runner means for each of the calls that it worked on at once. Pure. */
import type { RunError } from '../protocol/values';
import type { Call } from './call';
import { withTraceback } from './deadlines';

const NOT_TOGETHER = 'Lower `max_concurrent_inputs` in its decorator if this happens again.';

/** What `call` fails with, which had begun with the others when its runner ended with `error`. */
export function endOf(call: Call, begun: readonly Call[], error: RunError): RunError {
  return withTraceback(call.ending, sharedEnd(error, call, begun));
}

/**
 * The failure of `call`, one of the `begun` calls of a runner that ended with `error`. Where it ended for another one
 * that was cancelled, or may have, the call is lost and no failure of its own.
 */
function sharedEnd(
  error: RunError,
  call: Pick<Call, 'ending' | 'lost'>,
  begun: readonly Pick<Call, 'ending'>[],
): RunError {
  if (call.ending !== undefined || begun.length === 1) return error;
  const others = begun.length - 1;
  if (error.kind === 'cancelled' || error.kind === 'timeout') {
    if (!begun.some((each) => each.ending !== undefined)) return error;
    const why = error.kind === 'timeout' ? 'ran longer than its timeout' : 'was cancelled';
    return lost(`it worked at once on another call, which ${why} and did not end when asked`);
  }
  const unclear = error.kind === 'user' || error.kind === 'infrastructure';
  if (unclear && call.lost === 0) {
    return lost(
      `it worked on ${others} more at once, any of which may be the cause: ${error.message}`,
    );
  }
  return { ...error, hint: [error.hint, NOT_TOGETHER].filter(Boolean).join(' ') };
}

function lost(why: string): RunError {
  return {
    kind: 'infrastructure',
    type: 'RunnerLost',
    message: `The process that worked on this call ended: ${why}`,
    traceback: [],
    hint: NOT_TOGETHER,
  };
}
