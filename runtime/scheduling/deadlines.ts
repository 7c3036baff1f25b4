/** How long a call may take, and what it is told when that is over. Pure. */
import type { RunError } from '../protocol/values';
import type { Call } from './call';

/** In monotonic ms. Model loading has a limit of its own and does not count against the function's. */
export function deadlineOf(call: Call, startedAt: number): number {
  const { timeoutMs, startupTimeoutMs } = call.target.function.options;
  if (call.loadingSince !== undefined) return call.loadingSince + (startupTimeoutMs ?? timeoutMs);
  return startedAt + call.modelLoadMs + timeoutMs;
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

/** The failure that was decided on, with the place where the worker says the code was. */
export function withTraceback(ending: RunError | undefined, reported: RunError): RunError {
  if (ending === undefined) return reported;
  return {
    ...ending,
    traceback: reported.traceback,
    ...(reported.text === undefined ? {} : { text: reported.text }),
  };
}

/**
 * Notes what a worker says of model loading in a call. Its `ms` is the sum so far, told when a load begins and
 * when it ends; a sum that has grown tells an end.
 */
export function noteModelLoad(
  call: Call,
  status: string,
  ms: number,
  now: number,
): 'begun' | 'ended' {
  const grown = ms - call.modelLoadMs > 1;
  call.modelLoadMs = Math.max(call.modelLoadMs, ms);
  if (status === 'done' || status === 'failed' || (status === 'progress' && grown)) {
    call.loadingSince = undefined;
    return 'ended';
  }
  call.loadingSince ??= now;
  return 'begun';
}
