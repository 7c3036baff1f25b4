/** A reader of one journal: from memory while it keeps up, from the file where it fell behind. */
import { open, type FileHandle } from 'node:fs/promises';
import { VelarError } from '../protocol/errors';
import { LOG_HEADER_BYTES, type LogChunk } from '../protocol/logChunks';
import { recordAt } from './journalFile';
import type { LogCursor, RunJournal } from './runJournal';

const READ_BLOCK_BYTES = 512 * 1024;
/** Chunks that were printed within this time of each other may be joined, in ms. */
const JOIN_WITHIN_MS = 10;
const NEWLINE = 10;
const EMPTY = Buffer.alloc(0);

export class JournalCursor implements LogCursor {
  private hungry = true;
  private closed = false;
  private readonly listeners = new Set<() => void>();
  private block = EMPTY;
  private blockOffset = 0;
  private handle: Promise<FileHandle> | undefined;

  constructor(
    private readonly journal: RunJournal,
    private offset: number,
    private lastLine: number,
    private readonly onClose: () => void,
  ) {}

  get position(): number {
    return this.lastLine;
  }

  get end(): number {
    return this.journal.lines;
  }

  next(maxBytes: number): LogChunk | undefined | Promise<LogChunk | undefined> {
    const joined: LogChunk[] = [];
    let bytes = LOG_HEADER_BYTES;
    while (!this.closed && this.offset < this.journal.size) {
      const record = this.fromMemory() ?? this.fromBlock();
      if (record === undefined) {
        return joined.length > 0 ? join(joined) : this.fromDisk(maxBytes);
      }
      const chunk = after(record.chunk, this.lastLine);
      if (chunk !== undefined) {
        if (joined.length > 0 && !joins(joined, chunk, bytes, maxBytes)) return join(joined);
        joined.push(chunk);
        bytes += chunk.bytes.byteLength;
        this.lastLine = chunk.firstSeq + chunk.lines - 1;
      }
      this.offset += record.bytes;
    }
    if (joined.length > 0) return join(joined);
    this.hungry = true;
    return undefined;
  }

  /** Tells the listeners, once for each time that the reader found nothing. */
  wake(): void {
    if (!this.hungry) return;
    this.hungry = false;
    for (const listener of this.listeners) listener();
  }

  onReadable(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.listeners.clear();
    this.onClose();
    this.block = EMPTY;
    // A handle that never opened has nothing to close, and its error went to the reader.
    this.handle?.then((handle) => handle.close()).catch(() => undefined);
  }

  private fromMemory(): { chunk: LogChunk; bytes: number } | undefined {
    const position = this.journal.tailPosition(this.offset);
    return position === -1 ? undefined : this.journal.tailEntries[position];
  }

  private fromBlock(): { chunk: LogChunk; bytes: number } | undefined {
    const within = this.offset - this.blockOffset;
    return within < 0 ? undefined : recordAt(this.block, within);
  }

  private async fromDisk(maxBytes: number): Promise<LogChunk | undefined> {
    this.handle ??= open(this.journal.file, 'r');
    const handle = await this.handle;
    const block = Buffer.allocUnsafe(READ_BLOCK_BYTES);
    const { bytesRead } = await handle.read(block, 0, READ_BLOCK_BYTES, this.offset);
    if (this.closed) return undefined;
    this.block = block.subarray(0, bytesRead);
    this.blockOffset = this.offset;
    if (recordAt(this.block, 0) === undefined) {
      throw new VelarError('internal', `The log file ${this.journal.file} is damaged.`, {
        hint: 'The lines up to here are whole; the rest of this run’s log is lost.',
      });
    }
    return this.next(maxBytes);
  }
}

/** The part of a chunk behind line `seq`; undefined when there is none. */
function after(chunk: LogChunk, seq: number): LogChunk | undefined {
  const skip = seq - chunk.firstSeq + 1;
  if (skip <= 0) return chunk;
  if (skip >= chunk.lines) return undefined;
  let start = 0;
  for (let line = 0; line < skip; line += 1) start = chunk.bytes.indexOf(NEWLINE, start) + 1;
  return {
    ...chunk,
    firstSeq: chunk.firstSeq + skip,
    lines: chunk.lines - skip,
    bytes: chunk.bytes.subarray(start),
  };
}

function joins(
  joined: readonly LogChunk[],
  chunk: LogChunk,
  bytes: number,
  maxBytes: number,
): boolean {
  const first = joined[0];
  const last = joined.at(-1);
  if (first === undefined || last === undefined) return true;
  return (
    !last.partial &&
    last.stream === chunk.stream &&
    chunk.at - first.at <= JOIN_WITHIN_MS &&
    bytes + chunk.bytes.byteLength <= maxBytes
  );
}

function join(chunks: readonly LogChunk[]): LogChunk | undefined {
  const first = chunks[0];
  const last = chunks.at(-1);
  if (first === undefined || last === undefined || chunks.length === 1) return first;
  return {
    ...first,
    lines: last.firstSeq + last.lines - first.firstSeq,
    partial: last.partial,
    bytes: Buffer.concat(chunks.map((chunk) => chunk.bytes)),
  };
}
