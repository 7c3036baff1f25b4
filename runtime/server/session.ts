/** One client's session: numbering and replay, streams, requests. Outlives the sockets that carry it. */
import type { Duplex } from 'node:stream';
import { VelarError } from '../protocol/errors';
import { ReliableChannel, type WireFrame } from '../protocol/channel';
import { decodeBinaryFrame } from '../protocol/frames';
import { linkMessageSchema, sequencedSchema } from '../protocol/link';
import { clientMessageSchema, type RuntimeMessage } from '../protocol/messages';
import type { Principal } from './gate';
import { StreamTable, type Flushable, type StreamCarrier } from './streams';

/** The socket under a session. */
export interface LinkSocket {
  /** Bytes handed over and not yet with the operating system. */
  readonly bufferedAmount: number;
  /**
   * Never blocks. A patient frame waits a moment for others to leave with. `flushed` is called when this frame is
   * with the operating system, or the socket is gone.
   */
  send(frame: WireFrame, patient: boolean, flushed?: () => void): void;
  /** Tells the peer why, then closes. */
  refuse(error: VelarError): void;
  /** Closes at once. */
  terminate(): void;
}

/** Handles one request; see handlers.ts. */
export type Dispatch = (method: string, params: unknown, session: Session) => unknown;

/** Sending pauses while more than this waits in the socket, in bytes. */
const SOCKET_HIGH_BYTES = 1024 * 1024;
/** Sending pauses while the peer has more than this to acknowledge, in bytes. */
const UNACKNOWLEDGED_HIGH_BYTES = 16 * 1024 * 1024;
/** Over that by a single message at most, so this is the point where a peer counts as lost. */
const REPLAY_LIMIT_BYTES = 160 * 1024 * 1024;

export class Session implements StreamCarrier {
  readonly streams = new StreamTable(this);
  private readonly channel = new ReliableChannel({ replayBytes: REPLAY_LIMIT_BYTES });
  private socket: LinkSocket | undefined;
  private readonly dirty = new Set<Flushable>();
  private flushQueued = false;
  private readonly ended = new AbortController();
  private callers = 0;

  constructor(
    readonly id: string,
    readonly principal: Principal,
    private readonly dispatch: Dispatch,
    private readonly onEnd: (session: Session) => void,
  ) {}

  /** Aborted when the session is over. */
  get signal(): AbortSignal {
    return this.ended.signal;
  }

  /** A local entrypoint of this client is going on. */
  get holdsCaller(): boolean {
    return this.callers > 0;
  }

  /** Notes a local entrypoint, until its stream is closed. */
  holdCaller(stream: Duplex): void {
    this.callers += 1;
    stream.once('close', () => (this.callers -= 1));
  }

  get attached(): boolean {
    return this.socket !== undefined;
  }

  /** Last number received, for `welcome`. */
  get received(): number {
    return this.channel.received;
  }

  /** True while the socket is there and not full. */
  get writable(): boolean {
    return (
      this.socket !== undefined &&
      this.socket.bufferedAmount < SOCKET_HIGH_BYTES &&
      this.channel.pendingBytes < UNACKNOWLEDGED_HIGH_BYTES
    );
  }

  /** Throws `protocol` when a client that has received so much can't go on with this session. */
  checkResume(received: number): void {
    this.channel.replayAfter(received);
  }

  /**
   * Goes on over a new socket, behind the welcome; `received` is what the client has had. A socket still there is
   * replaced. Throws `protocol` when the client's number does not fit this session.
   */
  attach(socket: LinkSocket, received: number): void {
    const again = this.channel.replayAfter(received);
    this.socket?.terminate();
    this.socket = socket;
    for (const frame of again) this.write(frame, false);
    this.queueFlush();
  }

  /** The socket is gone; the session waits for another. False when it had already been replaced. */
  detach(socket: LinkSocket): boolean {
    if (this.socket !== socket) return false;
    this.socket = undefined;
    return true;
  }

  /** Ends the session: streams are lost, requests aborted. `tell` names the reason to the client. */
  end(error: VelarError, tell = false): void {
    if (this.ended.signal.aborted) return;
    const socket = this.socket;
    this.socket = undefined;
    this.ended.abort(error);
    this.dirty.clear();
    this.streams.lost(error);
    this.onEnd(this);
    if (tell) socket?.refuse(error);
    else socket?.terminate();
  }

  /** `patient`: what follows soon may leave together with it, so that a short run is told at once. */
  send(message: RuntimeMessage, patient = false): void {
    this.transmit(() => this.channel.text(message), patient);
  }

  sendData(stream: number, payload: Uint8Array, end: boolean): void {
    this.transmit(() => this.channel.binary(stream, payload, end), false);
  }

  sendCredit(stream: number, bytes: number): void {
    this.send({ type: 'credit', stream, bytes });
  }

  schedule(item: Flushable): void {
    this.dirty.add(item);
    this.queueFlush();
  }

  /** No more flushes for it. */
  unschedule(item: Flushable): void {
    this.dirty.delete(item);
  }

  /** A text frame of the client. A peer that breaks the protocol ends the session. */
  receiveText(data: Buffer): void {
    this.guard(() => {
      const parsed: unknown = JSON.parse(data.toString());
      if (typeof parsed === 'object' && parsed !== null && 'link' in parsed) {
        const message = linkMessageSchema.parse(parsed);
        if (message.link !== 'ack') {
          throw new VelarError('protocol', `Out of place: ${message.link}.`);
        }
        this.acknowledged(message.received);
        return;
      }
      const { seq, ack, body } = sequencedSchema.parse(parsed);
      this.acknowledged(ack);
      if (!this.channel.accept(seq, data.byteLength)) return;
      this.acknowledge();
      const message = clientMessageSchema.parse(body);
      if (message.type === 'credit') this.streams.granted(message.stream, message.bytes);
      else this.answer(message.id, message.method, message.params);
    });
  }

  /** A data frame of the client. */
  receiveBinary(data: Buffer): void {
    this.guard(() => {
      const { stream, seq, end, payload } = decodeBinaryFrame(data);
      if (!this.channel.accept(seq, data.byteLength)) return;
      this.acknowledge();
      const view = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
      this.streams.arrived(stream, view, end);
    });
  }

  private answer(id: number, method: string, params: unknown): void {
    const fail = (error: unknown): void => {
      this.send({ type: 'failure', id, error: VelarError.from(error).toWire() });
    };
    try {
      const result = this.dispatch(method, params, this);
      if (result instanceof Promise) {
        result.then((value: unknown) => {
          this.send({ type: 'response', id, result: value }, method === 'run.start');
        }, fail);
      } else {
        this.send({ type: 'response', id, result });
      }
    } catch (error) {
      fail(error);
    }
  }

  private acknowledged(seq: number): void {
    this.channel.acknowledged(seq);
    if (this.dirty.size > 0) this.queueFlush();
  }

  private acknowledge(): void {
    if (!this.channel.ackDue) return;
    const received = this.channel.takeAck();
    this.socket?.send(JSON.stringify({ link: 'ack', received }), true);
  }

  private transmit(number: () => WireFrame, patient: boolean): void {
    if (this.ended.signal.aborted) return;
    try {
      this.write(number(), patient);
    } catch (error) {
      this.end(VelarError.from(error), true);
    }
  }

  private write(frame: WireFrame, patient: boolean): void {
    const socket = this.socket;
    if (socket === undefined) return;
    // Half-way to full, each frame reports when it has gone; so one that fills the socket does too.
    if (socket.bufferedAmount + frame.length < SOCKET_HIGH_BYTES / 2) socket.send(frame, patient);
    else {
      socket.send(frame, patient, () => {
        if (this.dirty.size > 0) this.queueFlush();
      });
    }
  }

  /**
   * All that arises in one turn of the event loop goes out together, behind the response of a request that is
   * answered in it: ticks come after promises.
   */
  private queueFlush(): void {
    if (this.flushQueued) return;
    this.flushQueued = true;
    process.nextTick(() => {
      this.flushQueued = false;
      for (const item of [...this.dirty]) {
        if (!this.writable) return;
        this.dirty.delete(item);
        item.flush();
      }
    });
  }

  private guard(work: () => void): void {
    if (this.ended.signal.aborted) return;
    try {
      work();
    } catch (error) {
      this.end(protocolError(error), true);
    }
  }
}

function protocolError(error: unknown): VelarError {
  if (error instanceof VelarError) return error;
  const reason = error instanceof Error ? error.message.slice(0, 500) : String(error);
  return new VelarError('protocol', `The client sent what is no message: ${reason}`, {
    cause: error,
  });
}
