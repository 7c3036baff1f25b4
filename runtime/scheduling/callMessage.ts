/** Loads and calls as a worker is told of them. */
import type { Call } from './call';
import type { Target } from './target';

/** Asks for a fresh runner with the target's code; `number` names this load. */
export function loadMessage({ load, device }: Target, number: number): object {
  return {
    type: 'load',
    load: number,
    key: load.key,
    bundle: load.bundle,
    file: load.file,
    env: load.environment,
    cpu: device === 'cpu',
    hooks: true,
  };
}

/** True for a call that runs beside others in its runner. A debugged one has the main thread, which can be paused. */
export function worksAtOnce({ target, debug }: Call): boolean {
  return target.concurrency > 1 && debug === undefined;
}

/** True for a call that may come to the runner over its own line, which its supervisor does not see. */
export function mayGoDirect(call: Call): boolean {
  return !call.batch && !worksAtOnce(call) && call.debug === undefined && !isWatched(call);
}

/** True for the call of a run that a person started: its memory is looked at however quick it is. */
function isWatched({ output, run }: Call): boolean {
  return output === 'mime' && run.params.endpointOf === undefined;
}

/** One message for calls that travel together: they share all but input, number and attempt. */
export function callMessage(first: Call, calls: readonly Call[]): { header: object; body: Buffer } {
  const { function: fn } = first.target;
  const common = {
    function: fn.qualname,
    input: first.input.format,
    instance: first.input.instance,
    output: first.output,
    timeoutMs: fn.options.timeoutMs,
    runId: first.run.id,
    ...(first.debug === undefined ? {} : { debug: first.debug }),
    ...(worksAtOnce(first) ? { concurrent: first.target.concurrency } : {}),
  };
  if (!first.batch) {
    const { id, attempt, stream, input } = first;
    const watched = isWatched(first);
    return {
      header: { type: 'call', call: id, attempt, stream, watched, ...common },
      body: input.body,
    };
  }
  const items = calls.map(({ id, attempt, input }) => ({
    call: id,
    size: input.body.byteLength,
    attempt,
  }));
  const body = Buffer.concat(calls.map((call) => call.input.body));
  return { header: { type: 'calls', ...common, items }, body };
}
