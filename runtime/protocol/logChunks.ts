/**
 * Log chunks: how printed output travels on a run's log stream and lies in its journal.
 *
 * Layout, big endian: u8 fd | u8 flags | u16 zero | u32 lines | f64 first line's number | f64 ms since the
 * epoch | bytes as printed. Lines end in "\n"; a chunk whose last line is unterminated has flag 1 and
 * counts that piece as a line of its own, which the next chunk of the same fd continues.
 */
import { VelarError } from './errors';

export const LOG_HEADER_BYTES = 24;
const FLAG_PARTIAL = 1;
const NEWLINE = 10;

export type LogStreamName = 'stdout' | 'stderr';

export interface LogChunk {
  stream: LogStreamName;
  /** Number of the first line, from 1, counted over both streams of the run. */
  firstSeq: number;
  lines: number;
  /** The last line has no newline yet. */
  partial: boolean;
  /** When the runtime received it, ms since the epoch. */
  at: number;
  bytes: Uint8Array;
}

/** One line as contract.md prints it. A partial line is continued by the next line of its stream. */
export interface LogLine {
  seq: number;
  stream: LogStreamName;
  at: number;
  text: string;
  partial: boolean;
}

/** Lines in `bytes`, an unterminated last piece included. */
export function countLines(bytes: Uint8Array): number {
  let lines = 0;
  let index = bytes.indexOf(NEWLINE);
  let end = 0;
  while (index !== -1) {
    lines += 1;
    end = index + 1;
    index = bytes.indexOf(NEWLINE, end);
  }
  return end < bytes.byteLength ? lines + 1 : lines;
}

/** Builds a chunk from raw output, numbering its lines from `firstSeq`. */
export function makeLogChunk(
  stream: LogStreamName,
  firstSeq: number,
  at: number,
  bytes: Uint8Array,
): LogChunk {
  return {
    stream,
    firstSeq,
    at,
    bytes,
    lines: countLines(bytes),
    partial: bytes.at(-1) !== NEWLINE,
  };
}

export function encodeLogChunk(chunk: LogChunk): Buffer {
  const buffer = Buffer.allocUnsafe(LOG_HEADER_BYTES + chunk.bytes.byteLength);
  buffer[0] = chunk.stream === 'stdout' ? 1 : 2;
  buffer[1] = chunk.partial ? FLAG_PARTIAL : 0;
  buffer.writeUInt16BE(0, 2);
  buffer.writeUInt32BE(chunk.lines, 4);
  buffer.writeDoubleBE(chunk.firstSeq, 8);
  buffer.writeDoubleBE(chunk.at, 16);
  buffer.set(chunk.bytes, LOG_HEADER_BYTES);
  return buffer;
}

/** The bytes are a view into `data`. Throws `protocol` on a chunk that is too short. */
export function decodeLogChunk(data: Uint8Array): LogChunk {
  if (data.byteLength < LOG_HEADER_BYTES) {
    throw new VelarError('protocol', `Log chunk of ${String(data.byteLength)} bytes.`);
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return {
    stream: data[0] === 2 ? 'stderr' : 'stdout',
    partial: ((data[1] ?? 0) & FLAG_PARTIAL) !== 0,
    lines: view.getUint32(4),
    firstSeq: view.getFloat64(8),
    at: view.getFloat64(16),
    bytes: data.subarray(LOG_HEADER_BYTES),
  };
}

/** Splits a chunk into lines. Bytes that are no UTF-8 become U+FFFD. */
export function chunkLines(chunk: LogChunk): LogLine[] {
  const text = new TextDecoder().decode(chunk.bytes);
  const parts = text.split('\n');
  if (!chunk.partial) parts.pop();
  return parts.map((part, index) => ({
    seq: chunk.firstSeq + index,
    stream: chunk.stream,
    at: chunk.at,
    text: part,
    partial: chunk.partial && index === parts.length - 1,
  }));
}
