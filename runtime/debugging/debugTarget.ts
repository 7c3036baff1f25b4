/** What a debug run needs in place of the usual: a runner of its own. Pure. */
import { VelarError } from '../protocol/errors';
import type { MethodParams } from '../protocol/methods';
import { groupOf, type Target } from '../scheduling/target';

type Start = Pick<MethodParams<'run.start'>, 'debug' | 'kind' | 'run'>;

/** Throws `invalid` for what can't be debugged. */
export function checkDebug({ debug, kind }: Start): void {
  if (debug !== true || kind !== 'local_entrypoint') return;
  throw new VelarError('invalid', 'A local entrypoint runs on the client’s machine.', {
    hint: 'Debug it there with Python’s own debugger, or debug one of the functions that it calls.',
  });
}

/** For a debug run: nobody else's calls go to the runner that is loaded for it. Else the target itself. */
export function debugTarget(target: Target, { debug, run }: Start): Target {
  if (debug !== true) return target;
  const key = `${target.load.key}|debug ${run}`;
  const groupKey = groupOf(target.poolKey, key);
  return {
    ...target,
    load: { ...target.load, key, debug: true },
    groupKey,
    laneKey: `${groupKey}|${target.function.qualname}`,
  };
}
