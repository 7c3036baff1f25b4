/**
 * Binary frames of the client-runtime WebSocket.
 *
 * Layout, big endian: u8 kind | u8 flags | u16 zero | u32 stream | u32 seq high | u32 seq low | payload.
 * Text frames carry `{"seq":n,"body":…}` or an unsequenced link message (see link.ts).
 */
import { VelarError } from './errors';

export const BINARY_HEADER_BYTES = 16;
const KIND_DATA = 1;
const FLAG_END = 1;

export interface BinaryFrame {
  /** Client-opened streams are odd, runtime-opened ones even. */
  stream: number;
  seq: number;
  /** The sender has nothing more for this stream. */
  end: boolean;
  payload: Uint8Array;
}

/** Header and payload in one buffer, as `ws` sends one message. */
export function encodeBinaryFrame(frame: BinaryFrame): Buffer {
  const buffer = Buffer.allocUnsafe(BINARY_HEADER_BYTES + frame.payload.byteLength);
  buffer[0] = KIND_DATA;
  buffer[1] = frame.end ? FLAG_END : 0;
  buffer.writeUInt16BE(0, 2);
  buffer.writeUInt32BE(frame.stream, 4);
  buffer.writeUInt32BE(Math.floor(frame.seq / 0x1_0000_0000), 8);
  buffer.writeUInt32BE(frame.seq >>> 0, 12);
  buffer.set(frame.payload, BINARY_HEADER_BYTES);
  return buffer;
}

/** The payload is a view into `data`, not a copy. Throws `protocol` on a frame that is none of ours. */
export function decodeBinaryFrame(data: Uint8Array): BinaryFrame {
  if (data.byteLength < BINARY_HEADER_BYTES || data[0] !== KIND_DATA) {
    throw new VelarError('protocol', `Not a data frame (${String(data.byteLength)} bytes).`);
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return {
    stream: view.getUint32(4),
    seq: view.getUint32(8) * 0x1_0000_0000 + view.getUint32(12),
    end: ((data[1] ?? 0) & FLAG_END) !== 0,
    payload: data.subarray(BINARY_HEADER_BYTES),
  };
}
