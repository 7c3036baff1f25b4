/** What to say of a run that stands still in the debugger. Pure. */
import type { RunRecord } from './runRecord';

/** `stopped at a breakpoint`; null while it runs or nobody debugs it. */
export function stoppedText({ status, debug }: RunRecord): string | null {
  if (status !== 'active' || debug?.state !== 'stopped') return null;
  switch (debug.reason) {
    case 'breakpoint':
    case 'function breakpoint':
    case 'goto':
      return 'stopped at a breakpoint';
    case 'exception':
      return 'stopped at an exception';
    case 'step':
      return 'stopped after a step';
    case 'pause':
      return 'paused by the debugger';
    default:
      return 'stopped in the debugger';
  }
}
