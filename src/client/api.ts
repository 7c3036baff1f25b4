/** What the client offers to the editor and the command line. Types only; see the files beside this one. */
import type { VelarError } from '../../runtime/protocol/errors';
import type { RunEvent } from '../../runtime/protocol/events';
import type { LogChunk, LogLine } from '../../runtime/protocol/logChunks';
import type { BudgetAlert } from '../../runtime/protocol/metering';
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
  /** Versions, or what environments serve, changed. */
  onDeployments(listener: () => void): Unsubscribe;
  /** Budgets near their end or past it: what was told before is told at once, what is told later as it comes. */
  onBudgets(listener: (budgets: BudgetAlert[]) => void): Unsubscribe;
  close(): Promise<void>;
  /** Ends it at once, without a word to the runtime: what waits fails with the error. */
  abandon(error: VelarError): void;
}

/**
 * One numbered stream of the session. Payloads keep their boundaries and order; both directions are under
 * flow control.
 */
export interface ClientStream {
  readonly id: number;
  /** Resolves once the payload (any size) has been handed over; waits while there is no credit. Throws `session-lost`. */
  write(payload: Uint8Array): Promise<void>;
  /** Nothing more from this side. */
  end(): void;
  /** Like `end`, and gives up what still waits for credit, because the receiver wants it no more. */
  abandon(): void;
  /**
   * The one reader. A promise that it returns holds back further credit until it resolves. `null` marks
   * the end. Payloads that came earlier are delivered at once.
   */
  onPayload(reader: (payload: Uint8Array | null) => void | Promise<void>): void;
  /** True while something that has arrived is not yet used up by the reader. */
  readonly unread: boolean;
  /** Calls once what has arrived is used up; at once when nothing is `unread`. */
  onceRead(listener: () => void): void;
  /** Called once if the session is lost before the stream has ended. */
  onLost(listener: (error: Error) => void): void;
}

/** A connection with what runs need beyond requests. Made by `connect`. */
export interface ClientConnection extends RuntimeConnection {
  readonly runtime: { id: string; name: string; version: string };
  /** Address that it was reached at, `ws://…` or `wss://…`. */
  readonly url: string;
  /** Opens a stream of the client's own (odd number); `writeOnly` when the runtime sends nothing on it. */
  openStream(writeOnly: boolean): ClientStream;
  /** The runtime's stream of that number (even), whose payloads may have arrived already. */
  acceptStream(id: number): ClientStream;
  onRunEvents(run: string, listener: (events: readonly RunEvent[]) => void): Unsubscribe;
  /** Called when the session was lost and a new one has begun: watched runs must be attached again. */
  onNewSession(listener: () => void): Unsubscribe;
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
  /** Debug it: see `openDebugChannel`. */
  debug?: boolean;
  /** Document of the function, where it is no file below the root. */
  uri?: string;
}

/** A live run. `record` is replaced by a new object at each change. */
export interface RunHandle {
  readonly run: string;
  /** Whether it is followed over that connection. */
  isOf(connection: RuntimeConnection): boolean;
  readonly record: RunRecord;
  onEvents(listener: (events: readonly RunEvent[], record: RunRecord) => void): Unsubscribe;
  onLog(listener: (lines: readonly LogLine[]) => void): Unsubscribe;
  /** Output as printed. A promise that the listener returns slows the run's output down to its pace. */
  onOutput(listener: (chunk: LogChunk) => void | Promise<void>): Unsubscribe;
  cancel(): Promise<void>;
  /** Resolves once it goes on without this process; never for one that needs it, or that could not be started. */
  readonly detached: Promise<void>;
  /**
   * Resolves with the final record, whatever its status. Rejects with a VelarError when the run could not
   * be started (bundle, refusal) or the runtime is lost for good; `record` then says `failed` too.
   */
  readonly ended: Promise<RunRecord>;
}
