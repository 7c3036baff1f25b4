/** What a container tells its pool of what its worker says and of its end. */
import type { Socket } from 'node:net';
import type { VelarError } from '../protocol/errors';
import type { RunError } from '../protocol/values';
import type { CallerMessage, WorkerMessage } from '../protocol/workerMessages';
import type { Call, CallSuccess, PhaseMessage } from './call';
import type { Container } from './container';

/** What a worker says of debugging. */
export type DebugMessage = Extract<
  WorkerMessage,
  { type: 'debug-probe' | 'debug-waiting' | 'debug-going' }
>;

export interface ContainerEvents {
  /** Its state or calls changed: there may be room. */
  changed(container: Container): void;
  loadPhase(container: Container, message: PhaseMessage): void;
  /** `ms`: how long it took, seen from here. */
  loaded(container: Container, ms: number): void;
  /** The load that failed is still named in `load`. */
  loadFailed(container: Container, error: RunError): void;
  succeeded(container: Container, call: Call, result: CallSuccess): void;
  failed(container: Container, call: Call, error: RunError): void;
  /** It was not this call's doing: it goes back to where it waited. */
  returned(container: Container, call: Call): void;
  caller(container: Container, message: CallerMessage, body: Buffer): void;
  /** The runner is gone, and with it whatever it had asked for. */
  runnerGone(container: Container): void;
  memory(container: Container, message: Extract<WorkerMessage, { type: 'memory' }>): void;
  /** Of one of its calls, or of its load. */
  postMortem(container: Container, call: number | null, body: Buffer): void;
  printed(container: Container, fd: 1 | 2, call: number, bytes: Buffer): void;
  debug(container: Container, message: DebugMessage): void;
  /** A pump dialled in: the socket leads to debugpy's adapter. */
  debugChannel(container: Container, channel: number, socket: Socket): void;
  /** Code that is to be debugged is about to be loaded; `sendLoad` or `failLoad` follows. */
  debugLoad(container: Container, load: number): void;
  linkBroken(container: Container, error: VelarError): void;
}
