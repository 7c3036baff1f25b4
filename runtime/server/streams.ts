/** Numbered streams of a session: payloads in order, under credit in both directions. */
import { VelarError } from '../protocol/errors';
import { MAX_DATA_BYTES, ReceiveWindow, SendWindow } from '../protocol/flow';

/** Something with more to send than may go now; `flush` is called when it may. */
export interface Flushable {
  flush(): void;
}

/** What streams need of their session. */
export interface StreamCarrier {
  /** False while the socket is full or gone. */
  readonly writable: boolean;
  sendData(stream: number, payload: Uint8Array, end: boolean): void;
  sendCredit(stream: number, bytes: number): void;
  /** Calls `flush` soon, once, when the session is writable. */
  schedule(item: Flushable): void;
}

/** What the owner of a stream wants to know. */
export interface StreamOwner extends Flushable {
  /** Call `consumed` on the stream once the payload has been used. The view is the owner's to keep. */
  received(payload: Buffer): void;
  /** The peer has nothing more. */
  peerEnded(): void;
  /** The session is gone; nothing comes and nothing goes any more. */
  lost(error: VelarError): void;
}

/** Streams that clients may hold open in one session. */
const MAX_CLIENT_STREAMS = 4096;

export class SessionStream {
  private readonly sending = new SendWindow();
  private readonly receiving = new ReceiveWindow();
  private endSent = false;
  private endReceived = false;

  constructor(
    readonly id: number,
    private readonly carrier: StreamCarrier,
    private readonly owner: StreamOwner,
    /** False for a stream on which only one side ever speaks: its end is the stream's end. */
    private readonly bothWays: boolean,
    private readonly forget: () => void,
  ) {}

  /** True when a payload of the largest size may go now. */
  get ready(): boolean {
    return this.carrier.writable && this.sending.allows(MAX_DATA_BYTES);
  }

  /** At most MAX_DATA_BYTES, and only while `ready`. */
  send(payload: Uint8Array): void {
    this.sending.take(payload.byteLength);
    this.carrier.sendData(this.id, payload, false);
  }

  sendEnd(): void {
    if (this.endSent) return;
    this.endSent = true;
    this.carrier.sendData(this.id, new Uint8Array(0), true);
    if (!this.bothWays || this.endReceived) this.forget();
  }

  /** Lets the peer send as much again. */
  consumed(bytes: number): void {
    const grant = this.receiving.consumed(bytes);
    if (grant > 0) this.carrier.sendCredit(this.id, grant);
  }

  granted(bytes: number): void {
    this.sending.grant(bytes);
    this.carrier.schedule(this.owner);
  }

  /** Throws `protocol` for data without credit, larger than a frame may be, or behind the end. */
  arrived(payload: Buffer, end: boolean): void {
    if (this.endReceived || payload.byteLength > MAX_DATA_BYTES) {
      throw new VelarError('protocol', `Data out of place on stream ${String(this.id)}.`);
    }
    if (payload.byteLength > 0) {
      this.receiving.arrived(payload.byteLength);
      this.owner.received(payload);
    }
    if (!end) return;
    this.endReceived = true;
    if (!this.bothWays || this.endSent) this.forget();
    this.owner.peerEnded();
  }

  lost(error: VelarError): void {
    this.owner.lost(error);
  }
}

export class StreamTable {
  private readonly streams = new Map<number, SessionStream>();
  private clientStreams = 0;
  private nextId = 2;

  constructor(private readonly carrier: StreamCarrier) {}

  /** A stream on which only the runtime speaks. */
  open(owner: StreamOwner): SessionStream {
    const id = this.nextId;
    this.nextId += 2;
    return this.add(id, owner, false);
  }

  /**
   * A stream that the client named in a request. Take it while the request is handled, before anything is awaited: its
   * data comes right behind. Throws `invalid` for an id that is not the client's to give, or too many.
   */
  accept(id: number, owner: StreamOwner, bothWays: boolean): SessionStream {
    if (id % 2 === 0 || this.streams.has(id)) {
      throw new VelarError('invalid', `Stream ${String(id)} is taken or not a client's to open.`);
    }
    if (this.clientStreams >= MAX_CLIENT_STREAMS) {
      throw new VelarError('invalid', 'Too many streams are open.');
    }
    this.clientStreams += 1;
    return this.add(id, owner, bothWays);
  }

  /** Data for a stream that is not open is dropped: it was on its way when the stream ended here. */
  arrived(id: number, payload: Buffer, end: boolean): void {
    this.streams.get(id)?.arrived(payload, end);
  }

  granted(id: number, bytes: number): void {
    this.streams.get(id)?.granted(bytes);
  }

  /** Ends every stream of a session that is gone. */
  lost(error: VelarError): void {
    const all = [...this.streams.values()];
    this.streams.clear();
    for (const stream of all) stream.lost(error);
  }

  private add(id: number, owner: StreamOwner, bothWays: boolean): SessionStream {
    const stream = new SessionStream(id, this.carrier, owner, bothWays, () => {
      if (this.streams.delete(id) && id % 2 === 1) this.clientStreams -= 1;
    });
    this.streams.set(id, stream);
    return stream;
  }
}
