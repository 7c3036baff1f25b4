/** Exit codes of the command line, as the contract fixes them. */
import type { ErrorCode } from '../../runtime/protocol/errors';
import type { RunRecord } from '../../runtime/protocol/runRecord';
import type { RunErrorKind } from '../../runtime/protocol/values';

export const EXIT = {
  done: 0,
  /** The function raised. */
  raised: 1,
  usage: 2,
  /** The runtime is unreachable or does not let us in. */
  unreachable: 3,
  /** Image, capacity, memory, time, or the machinery itself. */
  platform: 4,
  cancelled: 130,
} as const;

/** For an error of ours or of the runtime's answers. */
export function exitCodeOfError(code: ErrorCode): number {
  switch (code) {
    case 'invalid':
    case 'not-found':
    case 'conflict':
      return EXIT.usage;
    case 'unreachable':
    case 'unauthorised':
    case 'version':
    case 'protocol':
    case 'session-lost':
    case 'untrusted':
      return EXIT.unreachable;
    case 'cancelled':
      return EXIT.cancelled;
    case 'bundle-base-unknown':
    case 'bundle-incomplete':
    case 'bundle-changed':
    case 'too-large':
    case 'disk-full':
    case 'python-missing':
    case 'unsupported':
    case 'internal':
      return EXIT.platform;
    default:
      return code satisfies never;
  }
}

/** For a run that has ended. */
export function exitCodeOfRun(record: RunRecord): number {
  if (record.status === 'cancelled') return EXIT.cancelled;
  if (record.error !== null) return exitCodeOfKind(record.error.kind);
  return record.status === 'succeeded' ? EXIT.done : EXIT.platform;
}

function exitCodeOfKind(kind: RunErrorKind): number {
  switch (kind) {
    case 'user':
      return EXIT.raised;
    case 'cancelled':
      return EXIT.cancelled;
    case 'image':
    case 'capacity':
    case 'oom':
    case 'gpu-oom':
    case 'timeout':
    case 'infrastructure':
      return EXIT.platform;
    default:
      return kind satisfies never;
  }
}
