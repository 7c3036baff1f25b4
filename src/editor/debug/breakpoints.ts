/** Breakpoints of one file of the editor, set in each file of the container that it is. */
import { isBody, type DapBody, type DapResponse, type DapSource } from './dap';
import type { PathMap } from './paths';
import type { DebugPeer } from './peer';
import { remoteSources } from './sources';

/** Why a breakpoint is not taken, as the editor shows it over the grey dot. */
const NOT_IN_BUNDLE = 'This file is not part of the run: breakpoints in it are not reached.';

/**
 * Sets the breakpoints and hands on one response for all. A breakpoint counts as set where it is set in any of
 * the files.
 */
export function setBreakpoints(
  peer: DebugPeer,
  paths: PathMap,
  args: DapBody,
  answered: (response: Pick<DapResponse, 'success' | 'message' | 'body'>) => void,
): void {
  const source: DapSource = isBody(args['source']) ? args['source'] : {};
  const remote = remoteSources(source, paths);
  if (remote.length === 0) {
    answered({ success: true, body: { breakpoints: refused(args) } });
    return;
  }
  const responses: DapResponse[] = [];
  for (const each of remote) {
    peer.send('setBreakpoints', { ...args, source: each }, (response) => {
      responses.push(response);
      if (responses.length === remote.length) answered(merged(responses));
    });
  }
}

function refused(args: DapBody): DapBody[] {
  const wanted: unknown[] = Array.isArray(args['breakpoints']) ? args['breakpoints'] : [];
  return wanted.map(() => ({ verified: false, reason: 'failed', message: NOT_IN_BUNDLE }));
}

/** The first response, with each breakpoint replaced by one that is set where another file has it. */
function merged(
  responses: readonly DapResponse[],
): Pick<DapResponse, 'success' | 'message' | 'body'> {
  const good = responses.filter(({ success }) => success);
  const [first, ...others] = good;
  if (first === undefined) {
    return { success: false, message: responses[0]?.message ?? 'The breakpoints were refused.' };
  }
  const body = first.body ?? {};
  const lists = [first, ...others].map(breakpointsOf);
  const breakpoints = breakpointsOf(first).map(
    (own, index) =>
      lists.map((list) => list[index]).find((each) => each?.['verified'] === true) ?? own,
  );
  return { success: true, body: { ...body, breakpoints } };
}

function breakpointsOf({ body }: DapResponse): DapBody[] {
  const list: unknown = body?.['breakpoints'];
  return Array.isArray(list) ? list.filter(isBody) : [];
}
