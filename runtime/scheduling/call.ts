/** One execution of a function: its input, where it is, and who waits for it. */
import type { RunError } from '../protocol/values';
import type { WorkerMessage } from '../protocol/workerMessages';
import type { PhaseWay } from './phaseHistory';
import type { Run } from './run';
import type { Target } from './target';

/** What a worker needs for debugging: a folder in the container with debugpy, where its image has none. */
export interface DebugRequest {
  packages: string | null;
}

export interface CallInput {
  format: 'json' | 'pickle';
  body: Buffer;
  /** The body has the constructor's arguments in front. */
  instance: boolean;
}

export interface CallSuccess {
  body: Buffer;
  /** Time in the runner, in ms, model loading included. */
  ms: number;
  modelLoadMs: number;
}

export type PhaseMessage = Extract<WorkerMessage, { type: 'phase' }>;

/** Where a container is on its way to taking calls, told to everybody who waits for it. */
export type Stage =
  | { phase: 'provisioning' | 'image' | 'container' | 'imports'; skipped: string }
  | { phase: 'image' | 'container' | 'imports'; detail?: string | undefined; way?: PhaseWay }
  | { phase: 'image' | 'container' | 'imports'; done: string | undefined; way?: PhaseWay };

/** Who waits for a call. */
export interface CallSink {
  /** Why it is not being worked on yet. */
  waiting(reason: string): void;
  stage(stage: Stage): void;
  /** It was sent to a container. */
  dispatched(): void;
  phase(message: PhaseMessage): void;
  item(index: number, body: Buffer): void;
  /** It will be tried again. */
  retrying(attempt: number, error: RunError): void;
  succeeded(result: CallSuccess): void;
  failed(error: RunError): void;
}

export type CallState = 'waiting' | 'backing-off' | 'placed' | 'ended';

export class Call {
  state: CallState = 'waiting';
  /** Counts up with each dispatch; answers of earlier attempts are stale. */
  attempt = 0;
  /** Attempts that ended because worker or runner died. */
  lost = 0;
  /** Set while cancelling: the failure to report, whatever the worker answers. */
  ending: RunError | undefined;
  /** When the worker began it, in monotonic ms; undefined while it waits behind others. */
  startedAt: number | undefined;
  /** Where the time of its container stood then, see SharedTime. */
  shareFrom = 0;
  /** Model loading of this attempt, in ms: the timeout does not count it. */
  modelLoadMs = 0;
  /** When loading began, less its pauses, in monotonic ms; undefined while nothing is being loaded. */
  loadingSince: number | undefined;
  /** Calls that it made and that have not ended: it holds a place without using it. */
  openInvocations = 0;
  /** How long it stood still in a debugger, in ms: its timeouts do not count it. */
  heldMs = 0;
  /** A client is to be waited for before it executes. */
  debug: DebugRequest | undefined;
  cancelTimer: (() => void) | undefined;
  /** The most memory of its own that its attempts held, by device, where that is known. */
  peakBytes: Readonly<Record<string, number>> | undefined;
  /** Its caller does not wait for it: it goes on when the caller is done. */
  spawned = false;

  constructor(
    readonly id: number,
    readonly run: Run,
    readonly target: Target,
    readonly input: CallInput,
    readonly output: 'mime' | 'pickle',
    /** Its items are wanted as they are made. */
    readonly stream: boolean,
    /** One of many inputs: goes with others in a batch. */
    readonly batch: boolean,
    readonly sink: CallSink,
  ) {}

  /** It held so much memory of a device. */
  held(device: string, bytes: number): void {
    const before = this.peakBytes?.[device] ?? 0;
    this.peakBytes = { ...this.peakBytes, [device]: Math.max(before, bytes) };
  }

  /** Goes to a worker: a new attempt, of which nothing is known yet. */
  place(): void {
    this.state = 'placed';
    this.attempt += 1;
    this.startedAt = undefined;
    this.modelLoadMs = 0;
    this.heldMs = 0;
    this.loadingSince = undefined;
  }
}
