/** Credit-based flow control of one stream, in bytes. Pure. */
import { VelarError } from './errors';

/** Bytes that a sender may send on a fresh stream before the receiver grants more. */
export const INITIAL_WINDOW_BYTES = 1024 * 1024;

/** Largest payload of one data frame. */
export const MAX_DATA_BYTES = 64 * 1024;

/** The sender's side: what may still be sent. */
export class SendWindow {
  private available = INITIAL_WINDOW_BYTES;

  get bytes(): number {
    return this.available;
  }

  /** True when a payload of this size may go now. A payload larger than the window may go when it is whole. */
  allows(bytes: number): boolean {
    return this.available >= Math.min(bytes, INITIAL_WINDOW_BYTES);
  }

  take(bytes: number): void {
    this.available -= bytes;
  }

  grant(bytes: number): void {
    this.available += bytes;
  }
}

/** The receiver's side: grants credit in halves of the window, so that credit messages stay rare. */
export class ReceiveWindow {
  private outstanding = INITIAL_WINDOW_BYTES;
  private consumedSinceGrant = 0;

  /** Called for each payload that arrives. Throws `protocol` when the sender has no credit for it. */
  arrived(bytes: number): void {
    if (this.outstanding <= 0) {
      throw new VelarError('protocol', 'Data arrived on a stream without credit.');
    }
    this.outstanding -= bytes;
  }

  /** Called when the payload has been used; returns the bytes to grant now, or 0. */
  consumed(bytes: number): number {
    this.consumedSinceGrant += bytes;
    if (this.consumedSinceGrant < INITIAL_WINDOW_BYTES / 2) return 0;
    const grant = this.consumedSinceGrant;
    this.consumedSinceGrant = 0;
    this.outstanding += grant;
    return grant;
  }
}
