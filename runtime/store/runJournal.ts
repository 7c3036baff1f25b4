/**
 * A run's printed output: an append-only file of log chunks, and cursors that read it at their own pace.
 *
 * The writer never waits for a reader. What was printed last stays in memory, so a cursor that keeps up
 * touches no disk; one that falls behind reads the file. Record: u32 length | chunk (see logChunks.ts).
 */
import { statSync } from 'node:fs';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { VelarError } from '../protocol/errors';
import { MAX_DATA_BYTES } from '../protocol/flow';
import {
  encodeLogChunk,
  LOG_HEADER_BYTES,
  makeLogChunk,
  type LogChunk,
  type LogStreamName,
} from '../protocol/logChunks';
import { JournalCursor } from './journalCursor';
import { RECORD_PREFIX_BYTES, scanRecords, type IndexEntry } from './journalFile';

/** A reader of a run's output. */
export interface LogCursor {
  /**
   * The next chunk, at most MAX_DATA_BYTES encoded; neighbours are joined up to `maxBytes`. Undefined:
   * nothing now. A promise where the disk is read. Throws or rejects when the file can't be read.
   */
  next(maxBytes: number): LogChunk | undefined | Promise<LogChunk | undefined>;
  /** Number of the last line delivered. */
  readonly position: number;
  /** Number of the last line in the journal now. */
  readonly end: number;
  /** Calls `listener` when there is more after `next` gave undefined. Returns the undo. */
  onReadable(listener: () => void): () => void;
  close(): void;
}

/** Lines that were not kept, why, and the number of the last line before them. */
export interface DroppedLines {
  lines: number;
  afterSeq: number;
  reason: string;
}

export interface JournalLimits {
  /** Bytes of output kept for a run; the rest is counted only. */
  capBytes: number;
  /** Written bytes that stay in memory for cursors that keep up. */
  tailBytes: number;
}

const DEFAULT_LIMITS: JournalLimits = { capBytes: 256 * 1024 * 1024, tailBytes: 1024 * 1024 };
const INDEX_EVERY_BYTES = 256 * 1024;
const MAX_CHUNK_BYTES = MAX_DATA_BYTES - LOG_HEADER_BYTES;
const NEWLINE = 10;

/** A record still in memory. */
export interface TailEntry {
  offset: number;
  bytes: number;
  chunk: LogChunk;
}

export class RunJournal {
  private tail: TailEntry[] = [];
  private pending: Buffer[] = [];
  private writing: Promise<void> | undefined;
  private handle: FileHandle | undefined;
  private written: number;
  private readonly cursors = new Set<JournalCursor>();
  private lost: DroppedLines | null = null;
  private closed = false;
  private writeError: VelarError | undefined;

  private constructor(
    private readonly dir: string,
    private readonly limits: JournalLimits,
    private endOffset: number,
    private lastLine: number,
    private readonly index: IndexEntry[],
  ) {
    this.written = endOffset;
  }

  /** The journal of a run that has none yet; folder and file are made with the first output. */
  static create(dir: string, limits: Partial<JournalLimits> = {}): RunJournal {
    return new RunJournal(dir, { ...DEFAULT_LIMITS, ...limits }, 0, 0, []);
  }

  /**
   * Opens the journal of the run whose folder this is; folder and file are made with the first output.
   * A record that a crash cut off is dropped. Throws Node's error when an existing file can't be read.
   */
  static open(dir: string, limits: Partial<JournalLimits> = {}): RunJournal {
    const all = { ...DEFAULT_LIMITS, ...limits };
    const stat = statSync(join(dir, 'log'), { throwIfNoEntry: false });
    if (stat === undefined || stat.size === 0) return RunJournal.create(dir, limits);
    const found = scanRecords(join(dir, 'log'), INDEX_EVERY_BYTES);
    return new RunJournal(dir, all, found.bytes, found.lines, found.index);
  }

  /** Path of the file that holds the records. */
  get file(): string {
    return join(this.dir, 'log');
  }

  /** Lines kept so far; unterminated pieces count as lines. */
  get lines(): number {
    return this.lastLine;
  }

  /** Bytes of all records. */
  get size(): number {
    return this.endOffset;
  }

  /** Bytes taken and not yet on disk: a printer that is too fast for the disk has to wait for them. */
  get unwritten(): number {
    return this.writeError === undefined ? this.endOffset - this.written : 0;
  }

  /** Resolves when what was taken until now is on disk, or the disk has failed. */
  async flushed(): Promise<void> {
    await this.writing;
  }

  /** Output over the cap, or that the disk did not take; null when everything was kept. */
  get dropped(): DroppedLines | null {
    return this.lost;
  }

  /** Why writing stopped, where it did. */
  get failure(): VelarError | undefined {
    return this.writeError;
  }

  /**
   * Numbers and keeps output, `at` in ms since the epoch. Returns it as one chunk; what does not fit one data
   * frame is kept as several, each cut after a line where there is one. Never waits, never throws for the disk.
   */
  append(stream: LogStreamName, bytes: Uint8Array, at: number): LogChunk {
    const firstSeq = this.lastLine + 1;
    const before = this.lastLine;
    let rest = bytes;
    while (rest.byteLength > 0) {
      let cut = rest.byteLength;
      if (cut > MAX_CHUNK_BYTES) {
        const newline = rest.lastIndexOf(NEWLINE, MAX_CHUNK_BYTES - 1);
        cut = newline === -1 ? MAX_CHUNK_BYTES : newline + 1;
      }
      this.appendChunk(makeLogChunk(stream, this.lastLine + 1, at, rest.subarray(0, cut)));
      rest = rest.subarray(cut);
    }
    const whole = makeLogChunk(stream, firstSeq, at, bytes);
    return { ...whole, lines: Math.max(whole.lines, this.lastLine - before) };
  }

  private appendChunk(chunk: LogChunk): void {
    const bytes = RECORD_PREFIX_BYTES + LOG_HEADER_BYTES + chunk.bytes.byteLength;
    const full = this.endOffset + bytes > this.limits.capBytes;
    if (this.closed || this.writeError !== undefined || full || this.lost !== null) {
      const reason = this.writeError?.message ?? `A run keeps ${megabytes(this.limits.capBytes)}.`;
      this.lost ??= { lines: 0, afterSeq: this.lastLine, reason };
      this.lost.lines += chunk.lines;
      return;
    }
    const record = Buffer.allocUnsafe(bytes);
    record.writeUInt32BE(bytes - RECORD_PREFIX_BYTES, 0);
    record.set(encodeLogChunk(chunk), RECORD_PREFIX_BYTES);
    // The kept bytes are the record's own: a view into the caller's buffer would pin all of that.
    const kept = record.subarray(RECORD_PREFIX_BYTES + LOG_HEADER_BYTES);
    this.tail.push({ offset: this.endOffset, bytes, chunk: { ...chunk, bytes: kept } });
    const indexed = this.index.at(-1);
    if (indexed === undefined || this.endOffset - indexed.offset >= INDEX_EVERY_BYTES) {
      this.index.push({ offset: this.endOffset, firstSeq: chunk.firstSeq });
    }
    this.endOffset += bytes;
    this.lastLine += chunk.lines;
    this.pending.push(record);
    this.writing ??= this.write().finally(() => {
      this.writing = undefined;
    });
    for (const cursor of this.cursors) cursor.wake();
  }

  private async write(): Promise<void> {
    try {
      if (this.handle === undefined) {
        await mkdir(this.dir, { recursive: true, mode: 0o700 });
        // A cut-off record behind the last whole one goes with the truncation.
        this.handle = await open(this.file, this.written === 0 ? 'w' : 'r+', 0o600);
        await this.handle.truncate(this.written);
      }
      while (this.pending.length > 0) {
        const batch = Buffer.concat(this.pending);
        this.pending = [];
        for (let done = 0; done < batch.byteLength;) {
          const rest = batch.byteLength - done;
          done += (await this.handle.write(batch, done, rest, this.written + done)).bytesWritten;
        }
        this.written += batch.byteLength;
        this.trimTail();
      }
    } catch (error) {
      this.writeError = VelarError.from(error);
      this.pending = [];
    }
  }

  /** Lets go of written records beyond the tail's size; half at once, so that the array moves rarely. */
  private trimTail(): void {
    const start = this.tail[0]?.offset ?? this.endOffset;
    if (this.endOffset - start < this.limits.tailBytes * 2) return;
    const keepFrom = Math.min(this.written, this.endOffset - this.limits.tailBytes);
    let count = 0;
    for (const entry of this.tail) {
      if (entry.offset + entry.bytes > keepFrom) break;
      count += 1;
    }
    this.tail.splice(0, count);
  }

  /** A reader that starts behind line `afterSeq`. */
  cursor(afterSeq: number): LogCursor {
    let offset = 0;
    for (const entry of this.index) {
      if (entry.firstSeq > afterSeq + 1) break;
      offset = entry.offset;
    }
    const cursor = new JournalCursor(this, offset, afterSeq, () => this.cursors.delete(cursor));
    this.cursors.add(cursor);
    return cursor;
  }

  /** Position in `tailEntries` of the record at `offset`, or -1 when it lies in the file only. */
  tailPosition(offset: number): number {
    let low = 0;
    let high = this.tail.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = this.tail[middle]?.offset ?? 0;
      if (found === offset) return middle;
      if (found < offset) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  get tailEntries(): readonly TailEntry[] {
    return this.tail;
  }

  /** Takes no more output; resolves when all of it is on disk. Cursors go on reading, from the file. */
  async close(): Promise<void> {
    this.closed = true;
    while (this.writing !== undefined) await this.writing;
    if (this.writeError === undefined) this.tail = [];
    const handle = this.handle;
    this.handle = undefined;
    await handle?.close();
  }
}

function megabytes(bytes: number): string {
  return `${String(Math.round(bytes / (1024 * 1024)))} MiB of output`;
}
