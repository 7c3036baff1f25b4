/** Whether a version comes up: a call to each group of its functions that does nothing, and then what they keep. */
import { Call, type CallSink } from '../scheduling/call';
import { imageNote } from '../scheduling/callers';
import type { Bringing } from '../scheduling/keptWarm';
import type { Run } from '../scheduling/run';
import {
  showRetry,
  showRunning,
  showStage,
  showWaiting,
  showWorkerPhase,
} from '../scheduling/runPhases';
import { readinessOf, type Target } from '../scheduling/target';
import type { RunError } from '../protocol/values';

export interface ReadinessOptions {
  /** Where containers are, for the reason that provisioning is skipped. */
  place: string;
  submit: (calls: readonly Call[]) => void;
  newCallId: () => number;
}

/** Resolves with what went wrong, or undefined once the version can take over. */
export async function comeUp(
  run: Run,
  targets: readonly Target[],
  bringing: Bringing,
  gone: AbortSignal,
  options: ReadinessOptions,
): Promise<RunError | undefined> {
  // Functions with the same code, image and cards come up in the same container.
  const groups = new Map(targets.map((target) => [target.groupKey, target]));
  const checks = [...groups.values()].map((target) => check(run, target, options));
  const error = (await Promise.all(checks)).find((each) => each !== undefined);
  if (error !== undefined) return error;
  run.advance((timeline) => timeline.progress('bringing up the containers to keep warm'));
  const failed = await bringing.filled(gone);
  if (failed === undefined) return undefined;
  return {
    ...failed,
    message: `A container beyond the first, which min_containers asks for, did not come up: ${failed.message}`,
  };
}

/** Resolves with what went wrong, or undefined once a container of the target has taken a call that does nothing. */
function check(run: Run, target: Target, options: ReadinessOptions): Promise<RunError | undefined> {
  const { place, newCallId, submit } = options;
  const who = target.function.qualname;
  return new Promise((resolve) => {
    const done = (error: RunError | undefined): void => {
      run.calls.delete(call);
      resolve(error);
    };
    const sink: CallSink = {
      waiting: (why) => showWaiting(run, `${who}: ${why}`),
      stage: (stage) => showStage(run, stage, who),
      dispatched: () => showRunning(run, place, imageNote(target), 'checking'),
      phase: (message) => showWorkerPhase(run, message),
      item: () => undefined,
      retrying: (attempt, error) => showRetry(run, who, attempt, error),
      succeeded: () => done(undefined),
      failed: done,
    };
    const body = Buffer.from(JSON.stringify({ args: [], kwargs: {} }));
    const input = { format: 'json' as const, body, instance: false };
    const ready = readinessOf(target);
    const call = new Call(newCallId(), run, ready, input, 'mime', false, false, sink);
    run.calls.add(call);
    run.hide(target.hidden);
    submit([call]);
  });
}
