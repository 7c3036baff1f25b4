/** What the client offers to the editor and the command line. Types only; see the files beside this one. */
import type { RunEvent } from '../../runtime/protocol/events';
import type { LogLine } from '../../runtime/protocol/logChunks';
import type {
  Container,
  Gpu,
  MethodName,
  MethodParams,
  MethodResult,
} from '../../runtime/protocol/methods';
import type { FunctionKind } from '../../runtime/protocol/description';
import type { RunRecord } from '../../runtime/protocol/runRecord';
import type { CallArguments } from '../../runtime/protocol/values';

/** Where a runtime is and how to be let in. */
export interface RuntimeAddress {
  /** `ws://127.0.0.1:PORT` or `wss://host:PORT`. */
  url: string;
  token: string;
  /** SHA-256 fingerprint of the pinned certificate, for wss. */
  fingerprint?: string;
}

export type ConnectionState =
  | { kind: 'connecting' }
  | { kind: 'connected' }
  /** `retryAt`: ms since the epoch. */
  | { kind: 'reconnecting'; attempt: number; retryAt: number; reason: string }
  | { kind: 'closed'; error: Error | null };

export type Unsubscribe = () => void;

/** One session with a runtime. Survives dropped sockets. */
export interface RuntimeConnection {
  readonly state: ConnectionState;
  onState(listener: (state: ConnectionState) => void): Unsubscribe;
  /** Throws VelarError; `signal` gives up waiting. */
  request<M extends MethodName>(
    method: M,
    params: MethodParams<M>,
    signal?: AbortSignal,
  ): Promise<MethodResult<M>>;
  onContainers(listener: (containers: Container[]) => void): Unsubscribe;
  onGpus(listener: (gpus: Gpu[]) => void): Unsubscribe;
  close(): Promise<void>;
}

export interface RunRequest {
  /** Absolute path of the bundle's root (the workspace folder). */
  root: string;
  /** Relative to root, `/` between parts. */
  file: string;
  qualname: string;
  kind: FunctionKind;
  arguments: CallArguments;
  instance?: CallArguments;
  cpu: boolean;
}

/** A live run. `record` is replaced by a new object at each change. */
export interface RunHandle {
  readonly run: string;
  readonly record: RunRecord;
  onEvents(listener: (events: readonly RunEvent[], record: RunRecord) => void): Unsubscribe;
  onLog(listener: (lines: readonly LogLine[]) => void): Unsubscribe;
  cancel(): Promise<void>;
  /** Resolves with the final record, whatever its status; rejects when the runtime is lost for good. */
  readonly ended: Promise<RunRecord>;
}
