/** Failures of the platform as a run is told of them: what happened, why, what to do next. Pure. */
import { VelarError } from '../protocol/errors';
import type { RunError } from '../protocol/values';
import type { ContainerExit } from '../engines/engine';

/** Any failure of ours; `type` names the condition. */
export function infrastructureError(error: unknown, type: string): RunError {
  const failure = VelarError.from(error);
  return {
    kind: 'infrastructure',
    type: failure.code === 'python-missing' ? 'PythonMissing' : type,
    message: failure.message,
    traceback: [],
    ...(failure.hint === undefined ? {} : { hint: failure.hint }),
  };
}

export function diedBeforeHello(exit: ContainerExit): RunError {
  const last = exit.output.trim().split('\n').at(-1) ?? '';
  const said = last === '' ? '' : `: ${last}`;
  return {
    kind: 'infrastructure',
    type: 'WorkerExited',
    message: `The worker ended before it was ready (${describeExit(exit)})${said}.`,
    traceback: [],
    ...(exit.output === '' ? {} : { text: exit.output }),
  };
}

export function workerDied(exit: ContainerExit): RunError {
  return {
    kind: 'infrastructure',
    type: 'WorkerDied',
    message: `The container's worker died (${describeExit(exit)}).`,
    traceback: [],
    hint: 'Run it again. If it happens again, look for what ends processes there, such as a lack of memory.',
    ...(exit.output === '' ? {} : { text: exit.output }),
  };
}

/** The same start failed again and again: no lack of capacity, and waiting would not help. */
export function crashLoop(error: RunError, times: number): RunError {
  return {
    ...error,
    kind: 'infrastructure',
    type: 'CrashLoop',
    message: `The container crashed ${times} times in a row while it started. The last time: ${error.message}`,
    hint: 'This is no lack of capacity: see why it ends, correct that, and run again.',
  };
}

export function startedTooLate(qualname: string, limitMs: number): RunError {
  return {
    kind: 'timeout',
    type: 'StartupTimeout',
    message: `The container of ${qualname} was not ready within ${limitMs / 1000} s.`,
    traceback: [],
    hint: 'Raise `startup_timeout` in its decorator, or import less at the top of the file.',
  };
}

export function cancelledBy(who: string): RunError {
  return { kind: 'cancelled', type: 'Cancelled', message: who, traceback: [] };
}

function describeExit({ code, signal }: Pick<ContainerExit, 'code' | 'signal'>): string {
  return signal === null ? `exit code ${code ?? 'unknown'}` : `killed by ${signal}`;
}

/** A worker's word that a call failed, without a reason. */
export function unexplained(): RunError {
  return {
    kind: 'infrastructure',
    type: 'WorkerProtocol',
    message: 'The worker said that a call failed, and not why.',
    traceback: [],
  };
}
