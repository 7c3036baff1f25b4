/** Our end of a channel to debugpy: requests with answers, events, one message after the other. */
import { VelarError } from '../../../runtime/protocol/errors';
import type { ClientStream } from '../../client/api';
import type { DapBody, DapEvent, DapRequest, DapResponse } from './dap';
import { encodeMessage, MessageReader } from './framing';

export interface PeerListener {
  event(event: DapEvent): void;
  /** Nothing more comes. `error`: the channel was lost, or what came made no sense. */
  closed(error: VelarError | undefined): void;
}

/** What of a channel is used here. */
export type DebugStream = Pick<ClientStream, 'write' | 'end' | 'onPayload' | 'onLost'>;

export class DebugPeer {
  private readonly reader = new MessageReader();
  /** By sequence number of the request. Called in the order of arrival, in the same turn. */
  private readonly waiting = new Map<number, (response: DapResponse) => void>();
  private seq = 0;
  private writing: Promise<void> = Promise.resolve();
  private open = true;

  constructor(
    private readonly stream: DebugStream,
    private readonly listener: PeerListener,
  ) {
    stream.onLost((error) => this.close(VelarError.from(error)));
    stream.onPayload((payload) => this.read(payload));
  }

  get isOpen(): boolean {
    return this.open;
  }

  /**
   * Sends a request. The answer is handed on in the turn in which it arrives, before any event behind it.
   * A channel that closes answers what is open with a failure.
   */
  send(command: string, args: DapBody, answered: (response: DapResponse) => void): void {
    this.seq += 1;
    const request: DapRequest = { type: 'request', seq: this.seq, command, arguments: args };
    if (!this.open) {
      answered(failureOf(request));
      return;
    }
    this.waiting.set(request.seq, answered);
    const bytes = encodeMessage(request);
    this.writing = this.writing
      .then(() => this.stream.write(bytes))
      .catch((error: unknown) => this.close(VelarError.from(error)));
  }

  /** `send` as a promise. Rejects with `debug-refused` words of debugpy where it fails. */
  async request(command: string, args: DapBody): Promise<DapResponse> {
    return new Promise((resolve, reject) => {
      this.send(command, args, (response) => {
        if (response.success) resolve(response);
        else
          reject(
            new VelarError('internal', `The debugger refused “${command}”: ${textOf(response)}`),
          );
      });
    });
  }

  /** Nothing more from this side: debugpy takes it as a detach. */
  end(): void {
    if (!this.open) return;
    void this.writing.finally(() => this.stream.end());
    this.close(undefined);
  }

  private read(payload: Uint8Array | null): void {
    if (!this.open) return;
    if (payload === null) {
      this.close(undefined);
      return;
    }
    try {
      for (const message of this.reader.push(payload)) {
        if (message.type === 'response') this.answered(message);
        else if (message.type === 'event') this.listener.event(message);
      }
    } catch (error) {
      this.stream.end();
      this.close(VelarError.from(error));
    }
  }

  private answered(response: DapResponse): void {
    const answer = this.waiting.get(response.request_seq);
    this.waiting.delete(response.request_seq);
    answer?.(response);
  }

  private close(error: VelarError | undefined): void {
    if (!this.open) return;
    this.open = false;
    const unanswered = [...this.waiting.values()];
    this.waiting.clear();
    for (const answer of unanswered) answer(failureOf({ type: 'request', seq: 0, command: '' }));
    this.listener.closed(error);
  }
}

function failureOf({ seq, command }: DapRequest): DapResponse {
  return {
    type: 'response',
    seq: 0,
    request_seq: seq,
    success: false,
    command,
    message: 'The process is no longer being debugged.',
  };
}

function textOf({ message, body }: DapResponse): string {
  const error = body?.['error'];
  if (typeof error === 'object' && error !== null && 'format' in error) return String(error.format);
  return message ?? 'no reason given';
}
