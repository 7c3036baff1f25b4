/**
 * Frames of the runtime-worker link and of the caller protocol.
 *
 * u32 length of what follows | u8 type | payload, big endian. Type 1: u32 header length | JSON header |
 * body. Type 2: u8 fd | u32 call | output as printed.
 */
import { VelarError } from './errors';

const TYPE_MESSAGE = 1;
const TYPE_LOG = 2;

/** Largest frame; larger results are refused at their source. */
export const MAX_WORKER_FRAME_BYTES = 64 * 1024 * 1024;

export interface WorkerMessageFrame {
  kind: 'message';
  /** Parsed JSON; check it against a schema before use. */
  header: unknown;
  body: Buffer;
}
export interface WorkerLogFrame {
  kind: 'log';
  fd: 1 | 2;
  /** The call it was printed in, 0 for none. */
  call: number;
  bytes: Buffer;
}
export type WorkerFrame = WorkerMessageFrame | WorkerLogFrame;

const EMPTY = Buffer.alloc(0);

/** A message frame as one buffer. Throws `too-large`. */
export function encodeWorkerMessage(header: object, body: Uint8Array = EMPTY): Buffer {
  const json = JSON.stringify(header);
  const jsonBytes = Buffer.byteLength(json);
  const length = 5 + jsonBytes + body.byteLength;
  if (length > MAX_WORKER_FRAME_BYTES) {
    throw new VelarError(
      'too-large',
      `A message of ${String(length)} bytes is over the limit of 64 MiB.`,
    );
  }
  const buffer = Buffer.allocUnsafe(4 + length);
  buffer.writeUInt32BE(length, 0);
  buffer[4] = TYPE_MESSAGE;
  buffer.writeUInt32BE(jsonBytes, 5);
  buffer.write(json, 9);
  buffer.set(body, 9 + jsonBytes);
  return buffer;
}

function decodePayload(payload: Buffer): WorkerFrame {
  const type = payload[0];
  if (type === TYPE_MESSAGE && payload.byteLength >= 5) {
    const jsonBytes = payload.readUInt32BE(1);
    if (5 + jsonBytes <= payload.byteLength) {
      const header = parseHeader(payload.toString('utf8', 5, 5 + jsonBytes));
      return { kind: 'message', header, body: payload.subarray(5 + jsonBytes) };
    }
  }
  if (type === TYPE_LOG && payload.byteLength >= 6) {
    return {
      kind: 'log',
      fd: payload[1] === 2 ? 2 : 1,
      call: payload.readUInt32BE(2),
      bytes: payload.subarray(6),
    };
  }
  throw new VelarError(
    'protocol',
    `Not a worker frame (type ${String(type)}, ${String(payload.byteLength)} bytes).`,
  );
}

function parseHeader(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new VelarError('protocol', 'A worker frame has a broken header.', { cause });
  }
}

/** Cuts a byte stream into frames. Views into the incoming chunks where a frame lies in one chunk. */
export class WorkerFrameReader {
  private pieces: Buffer[] = [];
  private bytes = 0;

  /** Frames completed by this chunk. Throws `protocol` on a malformed or oversized frame. */
  *push(chunk: Buffer): Generator<WorkerFrame> {
    let rest = chunk;
    if (this.bytes > 0) {
      this.pieces.push(chunk);
      this.bytes += chunk.byteLength;
      if (this.bytes < this.needed()) return;
      rest = Buffer.concat(this.pieces, this.bytes);
      this.pieces = [];
      this.bytes = 0;
    }
    let offset = 0;
    while (rest.byteLength - offset >= 4) {
      const length = rest.readUInt32BE(offset);
      if (length > MAX_WORKER_FRAME_BYTES) {
        throw new VelarError(
          'protocol',
          `A worker frame of ${String(length)} bytes is over the limit.`,
        );
      }
      if (rest.byteLength - offset - 4 < length) break;
      yield decodePayload(rest.subarray(offset + 4, offset + 4 + length));
      offset += 4 + length;
    }
    if (offset < rest.byteLength) {
      this.pieces = [rest.subarray(offset)];
      this.bytes = rest.byteLength - offset;
    }
  }

  /** Bytes needed before another attempt is worth it, so that a large frame isn't joined once per chunk. */
  private needed(): number {
    const first = this.pieces[0];
    if (first !== undefined && first.byteLength >= 4) return 4 + first.readUInt32BE(0);
    return 4;
  }
}
