/** A run of one function: its single call, and what that tells as events of the run. */
import { VelarError } from '../protocol/errors';
import type { MethodParams } from '../protocol/methods';
import type { ResultValue, RunError } from '../protocol/values';
import { Call, type CallInput, type CallSink } from './call';
import { imageNote } from './callers';
import type { Clock } from './clock';
import { infrastructureError } from './platformErrors';
import type { Run } from './run';
import { showRetry, showRunning, showStage, showWaiting, showWorkerPhase } from './runPhases';
import type { Target } from './target';

export interface FunctionRunOptions {
  clock: Clock;
  newCallId: () => number;
  place: string;
  ended: (run: Run, end: { result: ResultValue } | { error: RunError }) => void;
}

/** The call of a run; `ended` hears of its end once the call is no longer among the run's. */
export function callOfRun(run: Run, target: Target, options: FunctionRunOptions): Call {
  const input = inputOf(run.params);
  const { generator, qualname } = target.function;
  const finish = (end: { result: ResultValue } | { error: RunError }): void => {
    run.calls.delete(call);
    options.ended(run, end);
  };
  const sink: CallSink = {
    waiting: (why) => {
      if (why === run.waitingFor) return;
      run.waitingFor = why;
      showWaiting(run, why);
    },
    stage: (stage) => showStage(run, stage),
    dispatched: () => {
      const detail = target.onCpuInstead ? 'on CPU' : undefined;
      showRunning(run, options.place, imageNote(target), detail);
    },
    phase: (message) => showWorkerPhase(run, message),
    item: (index, body) => {
      const item = parseResult(body);
      if ('error' in item) return;
      const event = { type: 'yield' as const, at: options.clock.now(), index, item: item.result };
      run.publish(event, body.byteLength);
    },
    retrying: (attempt, error) => {
      const why = `${error.type ?? error.kind}: ${error.message.split('\n')[0] ?? ''}`;
      run.publish({ type: 'attempt', at: options.clock.now(), attempt, reason: why });
      showRetry(run, qualname, attempt, error);
    },
    succeeded: ({ body }) => finish(parseResult(body)),
    failed: (error) => finish({ error }),
  };
  const call: Call = new Call(
    options.newCallId(),
    run,
    target,
    input,
    'mime',
    generator,
    false,
    sink,
  );
  run.calls.add(call);
  run.hide(target.hidden);
  return call;
}

function inputOf(params: MethodParams<'run.start'>): CallInput {
  const { arguments: given, instance } = params;
  const body = Buffer.from(JSON.stringify(instance === undefined ? given : { ...given, instance }));
  return { format: 'json', body, instance: params.kind === 'method' };
}

type JsonValue = Extract<ResultValue, { value: unknown }>['value'];

/** A result as the worker encodes it: a value or a MIME bundle in JSON. */
export function parseResult(body: Buffer): { result: ResultValue } | { error: RunError } {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    if (typeof parsed === 'object' && parsed !== null) {
      // JSON that was just parsed holds JSON values, whatever their shape.
      if ('value' in parsed) return { result: { value: parsed.value as JsonValue } };
      if ('mime' in parsed) return { result: parsed as ResultValue };
    }
    throw new VelarError(
      'protocol',
      'The worker sent a result that is neither value nor MIME bundle.',
    );
  } catch (error) {
    return { error: infrastructureError(error, 'WorkerProtocol') };
  }
}
