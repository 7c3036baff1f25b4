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

/** Of a local entrypoint whose client is gone. */
export function callerLost(cause: unknown): RunError {
  const lost = infrastructureError(cause, 'CallerLost');
  const message = `The connection to the local entrypoint was lost: ${lost.message}`;
  return { ...lost, message };
}

/** Of a local entrypoint. */
export function neverBegan(): RunError {
  return {
    kind: 'infrastructure',
    type: 'CallerLost',
    message: 'The client that started this run was gone before the local entrypoint began.',
    traceback: [],
    hint: 'Run it again.',
  };
}

export function diedBeforeHello(exit: ContainerExit): RunError {
  if (exit.oom === true) return outOfMemory();
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
  if (exit.oom === true) return outOfMemory();
  return {
    kind: 'infrastructure',
    type: 'WorkerDied',
    message: `The container's worker died (${describeExit(exit)}).`,
    traceback: [],
    hint: 'Run it again. If it happens again, look for what ends processes there, such as a lack of memory.',
    ...(exit.output === '' ? {} : { text: exit.output }),
  };
}

function outOfMemory(): RunError {
  return {
    kind: 'oom',
    type: 'OutOfMemory',
    message: 'The container ran out of memory, and the system ended it.',
    traceback: [],
    hint: 'Ask for more with `memory` in the decorator, in MiB, or load less at once. Files in /tmp and /dev/shm count as memory.',
  };
}

/**
 * The same start crashed again and again: no lack of capacity, and waiting would not help. Keeps the kind, the
 * place in the code and the last output of the last crash.
 */
export function crashLoop(error: RunError, times: number): RunError {
  const fix = error.hint === undefined ? 'See why it ends and correct that' : error.hint;
  return {
    ...error,
    type: 'CrashLoop',
    message: `The container crashed ${times} times in a row before it was ready. The last time: ${error.message}`,
    hint: `${fix.replace(/\.$/, '')}. This is no lack of capacity; the next run tries anew.`,
  };
}

/** What a container was doing when its time was over, for `ms` by then. */
export interface SlowStep {
  phase: 'provisioning' | 'image' | 'container' | 'imports' | 'model-load';
  what: string;
  ms: number;
}

export function startedTooLate(qualname: string, limitMs: number, step: SlowStep): RunError {
  const seconds = (ms: number): string => `${Number((ms / 1000).toFixed(1))} s`;
  return {
    kind: 'timeout',
    type: 'StartupTimeout',
    message:
      `The container of ${qualname} was not ready within ${seconds(limitMs)}: ` +
      `it was still ${step.what}, for ${seconds(step.ms)} by then.`,
    traceback: [],
    hint: `Raise \`startup_timeout\` in its decorator (in seconds), or ${remedies[step.phase]}.`,
  };
}

const starting = 'see with `velar doctor` what holds this machine up';
const remedies: Record<SlowStep['phase'], string> = {
  provisioning: starting,
  image: starting,
  container: starting,
  imports: 'import less at the top of the file',
  'model-load': 'load less when the file is imported',
};

/** A container that was told to end, and not by this runtime. */
export function stoppedFromOutside(): RunError {
  return {
    kind: 'infrastructure',
    type: 'ContainerStopped',
    message: 'The container was stopped from outside of Velar while the function ran.',
    traceback: [],
    hint: 'Run it again. Something else ended it, such as a restart of the container engine or of the machine.',
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

/** For a container that is asked for by its id. */
export function unknownContainer(id: string): VelarError {
  return new VelarError('not-found', `There is no container ${id}.`, {
    hint: 'It may have ended; list those that run with `velar ps`.',
  });
}
