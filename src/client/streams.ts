/** Numbered streams of one session: payloads in order, under flow control in both directions. */
import { VelarError } from '../../runtime/protocol/errors';
import { MAX_DATA_BYTES, ReceiveWindow, SendWindow } from '../../runtime/protocol/flow';
import type { BinaryFrame } from '../../runtime/protocol/frames';
import type { ClientStream } from './api';

/** How streams reach the wire. */
export interface StreamSender {
  data(stream: number, payload: Uint8Array, end: boolean): void;
  credit(stream: number, bytes: number): void;
  /** A reader threw: what it was sent makes no sense, or it has a fault. */
  failed(error: unknown): void;
}

type Reader = (payload: Uint8Array | null) => void | Promise<void>;

interface Waiting {
  payload: Uint8Array;
  sent: () => void;
  failed: (error: Error) => void;
}

const NOTHING = new Uint8Array(0);

class Stream implements ClientStream {
  private readonly sendWindow = new SendWindow();
  private readonly receiveWindow = new ReceiveWindow();
  private readonly waiting: Waiting[] = [];
  private readonly arrivals: (Uint8Array | null)[] = [];
  private reader: Reader | undefined;
  private reading = false;
  private endAsked = false;
  private endSent = false;
  private abandoned = false;
  private endRead = false;
  private failure: Error | undefined;
  private readonly lostListeners: ((error: Error) => void)[] = [];
  private readonly readListeners: (() => void)[] = [];

  constructor(
    readonly id: number,
    private readonly writeOnly: boolean,
    private readonly sender: StreamSender,
    private readonly finished: () => void,
  ) {}

  async write(payload: Uint8Array): Promise<void> {
    if (this.endAsked && !this.abandoned) {
      throw new VelarError('internal', 'Written to a stream after its end.');
    }
    for (let offset = 0; offset < payload.byteLength; offset += MAX_DATA_BYTES) {
      const piece = payload.subarray(offset, offset + MAX_DATA_BYTES);
      if (this.failure !== undefined) throw this.failure;
      if (this.abandoned) return;
      if (this.waiting.length === 0 && this.sendWindow.allows(piece.byteLength)) {
        this.sendNow(piece);
      } else {
        await new Promise<void>((sent, failed) => {
          this.waiting.push({ payload: piece, sent, failed });
        });
      }
    }
  }

  end(): void {
    this.endAsked = true;
    this.sendEndWhenDue();
  }

  abandon(): void {
    this.abandoned = true;
    for (const { sent } of this.waiting.splice(0)) sent();
    this.end();
  }

  onPayload(reader: Reader): void {
    this.reader = reader;
    void this.read();
  }

  get unread(): boolean {
    return this.reading || this.arrivals.length > 0;
  }

  onceRead(listener: () => void): void {
    if (this.unread) this.readListeners.push(listener);
    else listener();
  }

  onLost(listener: (error: Error) => void): void {
    if (this.failure === undefined) this.lostListeners.push(listener);
    else listener(this.failure);
  }

  arrived(payload: Uint8Array, end: boolean): void {
    if (payload.byteLength > 0) {
      this.receiveWindow.arrived(payload.byteLength);
      this.arrivals.push(payload);
    }
    if (end) this.arrivals.push(null);
    void this.read();
  }

  granted(bytes: number): void {
    this.sendWindow.grant(bytes);
    for (;;) {
      const next = this.waiting[0];
      if (next === undefined || !this.sendWindow.allows(next.payload.byteLength)) break;
      this.waiting.shift();
      this.sendNow(next.payload);
      next.sent();
    }
    this.sendEndWhenDue();
  }

  lost(error: Error): void {
    if (this.failure !== undefined) return;
    this.failure = error;
    for (const { failed } of this.waiting.splice(0)) failed(error);
    for (const listener of this.lostListeners) listener(error);
  }

  private sendNow(payload: Uint8Array): void {
    this.sendWindow.take(payload.byteLength);
    this.sender.data(this.id, payload, false);
  }

  private sendEndWhenDue(): void {
    if (!this.endAsked || this.endSent || this.waiting.length > 0) return;
    this.endSent = true;
    if (this.failure === undefined) this.sender.data(this.id, NOTHING, true);
    this.finishWhenDone();
  }

  /** Hands arrivals to the reader, one at a time where it asks for time. */
  private async read(): Promise<void> {
    if (this.reading || this.reader === undefined) return;
    this.reading = true;
    try {
      for (let next = this.arrivals.shift(); next !== undefined; next = this.arrivals.shift()) {
        const pause = this.reader(next);
        if (pause !== undefined) await pause;
        if (next === null) {
          this.endRead = true;
          this.finishWhenDone();
        } else if (this.failure === undefined) {
          const credit = this.receiveWindow.consumed(next.byteLength);
          if (credit > 0) this.sender.credit(this.id, credit);
        }
      }
    } catch (error) {
      this.sender.failed(error);
    } finally {
      this.reading = false;
      for (const listener of this.readListeners.splice(0)) listener();
    }
  }

  private finishWhenDone(): void {
    // The runtime's own streams run one way, as those do that only we write to.
    const written = this.endSent || this.id % 2 === 0;
    if (written && (this.endRead || this.writeOnly)) this.finished();
  }
}

export class StreamTable {
  private readonly streams = new Map<number, Stream>();
  private nextId = 1;

  constructor(private readonly sender: StreamSender) {}

  get size(): number {
    return this.streams.size;
  }

  open(writeOnly: boolean): Stream {
    const stream = this.make(this.nextId, writeOnly);
    this.nextId += 2;
    return stream;
  }

  accept(id: number): Stream {
    return this.streams.get(id) ?? this.make(id);
  }

  arrived(frame: BinaryFrame): void {
    const known = this.streams.get(frame.stream);
    if (known !== undefined) known.arrived(frame.payload, frame.end);
    // The runtime's streams may speak before the response that names them has been handled.
    else if (frame.stream % 2 === 0) this.make(frame.stream).arrived(frame.payload, frame.end);
  }

  granted(id: number, bytes: number): void {
    this.streams.get(id)?.granted(bytes);
  }

  /** Ends every stream of a session that is gone. */
  lost(error: Error): void {
    const all = [...this.streams.values()];
    this.streams.clear();
    for (const stream of all) stream.lost(error);
  }

  private make(id: number, writeOnly = false): Stream {
    const stream = new Stream(id, writeOnly, this.sender, () => this.streams.delete(id));
    this.streams.set(id, stream);
    return stream;
  }
}
