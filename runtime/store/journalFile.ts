/** The records of a journal file: cutting a block into chunks, and finding the end after a crash. */
import { closeSync, openSync, readSync } from 'node:fs';
import { decodeLogChunk, LOG_HEADER_BYTES, type LogChunk } from '../protocol/logChunks';
import { MAX_DATA_BYTES } from '../protocol/flow';

/** Bytes of the length in front of each record. */
export const RECORD_PREFIX_BYTES = 4;

const SCAN_BLOCK_BYTES = 1024 * 1024;

/** Where in the file a line is to be looked for. */
export interface IndexEntry {
  offset: number;
  firstSeq: number;
}

export interface FileRecord {
  chunk: LogChunk;
  /** Bytes of the record with its length. */
  bytes: number;
}

/** The record at `offset` of a block, or undefined where the block holds no whole and sound one. */
export function recordAt(block: Buffer, offset: number): FileRecord | undefined {
  if (offset + RECORD_PREFIX_BYTES > block.byteLength) return undefined;
  const length = block.readUInt32BE(offset);
  if (length < LOG_HEADER_BYTES || length > MAX_DATA_BYTES) return undefined;
  const end = offset + RECORD_PREFIX_BYTES + length;
  if (end > block.byteLength) return undefined;
  const chunk = decodeLogChunk(block.subarray(offset + RECORD_PREFIX_BYTES, end));
  return { chunk, bytes: RECORD_PREFIX_BYTES + length };
}

/** Reads a whole journal: its sound bytes, its lines, and an index entry each `indexEvery` bytes. */
export function scanRecords(
  file: string,
  indexEvery: number,
): { bytes: number; lines: number; index: IndexEntry[] } {
  const index: IndexEntry[] = [];
  let bytes = 0;
  let lines = 0;
  const fd = openSync(file, 'r');
  try {
    const block = Buffer.allocUnsafe(SCAN_BLOCK_BYTES);
    for (;;) {
      const filled = readSync(fd, block, 0, SCAN_BLOCK_BYTES, bytes);
      const view = block.subarray(0, filled);
      let offset = 0;
      for (;;) {
        const record = recordAt(view, offset);
        if (record === undefined || record.chunk.firstSeq !== lines + 1) break;
        const last = index.at(-1);
        if (last === undefined || bytes + offset - last.offset >= indexEvery) {
          index.push({ offset: bytes + offset, firstSeq: record.chunk.firstSeq });
        }
        lines += record.chunk.lines;
        offset += record.bytes;
      }
      if (offset === 0) return { bytes, lines, index };
      bytes += offset;
    }
  } finally {
    closeSync(fd);
  }
}
