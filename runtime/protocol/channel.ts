/**
 * Sequencing, acknowledgement and replay for one direction pair of a session. Pure: no socket, no clock.
 *
 * Each side numbers what it sends from 1 and keeps it until the peer acknowledges it. After a dropped
 * socket both sides say the last number they received and send again what came after: nothing is lost
 * and, because `accept` refuses numbers already seen, nothing is delivered twice.
 */
import { VelarError } from './errors';
import { encodeBinaryFrame } from './frames';

export type WireFrame = string | Buffer;

interface Kept {
  seq: number;
  frame: WireFrame;
  bytes: number;
}

export interface ChannelLimits {
  /** Unacknowledged bytes over which the session is given up rather than grown. */
  replayBytes: number;
}

/** Acknowledge at the latest after so many messages or bytes received. */
const ACK_EVERY_MESSAGES = 64;
const ACK_EVERY_BYTES = 256 * 1024;

export const DEFAULT_CHANNEL_LIMITS: ChannelLimits = { replayBytes: 64 * 1024 * 1024 };

export class ReliableChannel {
  private lastSent = 0;
  private lastReceived = 0;
  private lastAcked = 0;
  private kept: Kept[] = [];
  private keptStart = 0;
  private keptBytes = 0;
  private unackedMessages = 0;
  private unackedBytes = 0;

  constructor(private readonly limits: ChannelLimits = DEFAULT_CHANNEL_LIMITS) {}

  /** Last sequence number received from the peer, for `hello`, `welcome` and `ack`. */
  get received(): number {
    return this.lastReceived;
  }

  /** Bytes sent and not yet acknowledged. */
  get pendingBytes(): number {
    return this.keptBytes;
  }

  /** Numbers and keeps a control message; returns the text frame to send. Throws `session-lost` over the limit. */
  text(body: unknown): string {
    const frame = `{"seq":${String(++this.lastSent)},"ack":${String(this.takeAck())},"body":${JSON.stringify(body)}}`;
    this.keep(frame, frame.length);
    return frame;
  }

  /** Numbers and keeps a data frame; returns the binary frame to send. Throws `session-lost` over the limit. */
  binary(stream: number, payload: Uint8Array, end = false): Buffer {
    const frame = encodeBinaryFrame({ stream, seq: ++this.lastSent, end, payload });
    this.keep(frame, frame.byteLength);
    return frame;
  }

  /** True when a received number is new and to be handled; false for a repeat. Throws `protocol` on a gap. */
  accept(seq: number, bytes: number): boolean {
    if (seq <= this.lastReceived) return false;
    if (seq !== this.lastReceived + 1) {
      throw new VelarError(
        'protocol',
        `Sequence gap: got ${String(seq)} after ${String(this.lastReceived)}.`,
      );
    }
    this.lastReceived = seq;
    this.unackedMessages += 1;
    this.unackedBytes += bytes;
    return true;
  }

  /** True when the peer should be sent an `ack` now. */
  get ackDue(): boolean {
    return this.unackedMessages >= ACK_EVERY_MESSAGES || this.unackedBytes >= ACK_EVERY_BYTES;
  }

  /** The number to acknowledge; resets what is due. */
  takeAck(): number {
    this.unackedMessages = 0;
    this.unackedBytes = 0;
    return this.lastReceived;
  }

  /** Drops kept frames up to `seq`. Throws `protocol` when the peer acknowledges what was never sent. */
  acknowledged(seq: number): void {
    if (seq > this.lastSent) {
      throw new VelarError('protocol', `Acknowledged ${String(seq)}, never sent.`);
    }
    if (seq <= this.lastAcked) return;
    this.lastAcked = seq;
    for (;;) {
      const first = this.kept[this.keptStart];
      if (first === undefined || first.seq > seq) break;
      this.keptBytes -= first.bytes;
      this.keptStart += 1;
    }
    // Compacting in halves keeps the array short without moving it for every acknowledgement.
    if (this.keptStart > 1024 && this.keptStart * 2 > this.kept.length) {
      this.kept = this.kept.slice(this.keptStart);
      this.keptStart = 0;
    } else if (this.keptStart === this.kept.length) {
      this.kept = [];
      this.keptStart = 0;
    }
  }

  /** Frames to send again to a peer that has received up to `seq`. Throws `protocol` when that is impossible. */
  replayAfter(seq: number): WireFrame[] {
    if (seq < this.lastAcked) {
      throw new VelarError(
        'protocol',
        `Peer went back to ${String(seq)} after acknowledging more.`,
      );
    }
    this.acknowledged(seq);
    return this.kept.slice(this.keptStart).map((kept) => kept.frame);
  }

  private keep(frame: WireFrame, bytes: number): void {
    this.kept.push({ seq: this.lastSent, frame, bytes });
    this.keptBytes += bytes;
    if (this.keptBytes > this.limits.replayBytes) {
      throw new VelarError(
        'session-lost',
        `The peer has not acknowledged ${String(this.keptBytes)} bytes; the session is given up.`,
      );
    }
  }
}
