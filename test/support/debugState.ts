/** Waiting for where a run, or the debugging of it, stands. */
import type { DebugRecord, RunRecord } from '../../runtime/protocol/runRecord';
import type { RunHandle } from '../../src/client/api';

/** Resolves with the record once it fits; rejects when the run ends before. */
export function recordUntil(
  handle: RunHandle,
  fits: (record: RunRecord) => boolean,
): Promise<RunRecord> {
  return new Promise((resolve, reject) => {
    const check = (record: RunRecord): void => {
      if (fits(record)) resolve(record);
      else if (record.status !== 'active') {
        const { error } = record;
        reject(new Error(`The run ${record.status}: ${error?.text ?? error?.message ?? ''}`));
      } else return;
      stop();
    };
    const stop = handle.onEvents((_events, record) => {
      check(record);
    });
    check(handle.record);
  });
}

/** Resolves once debugging of the run stands there. */
export async function debugState(
  handle: RunHandle,
  state: DebugRecord['state'],
): Promise<DebugRecord & { root: string }> {
  const { debug } = await recordUntil(handle, (record) => record.debug?.state === state);
  if (debug?.root === undefined) throw new Error('It does not say where the bundle lies.');
  return { ...debug, root: debug.root };
}
