/** What a client knows of one run: its record and its listeners, fed with events and output that may repeat. */
import type { RunEvent } from '../../runtime/protocol/events';
import {
  chunkLines,
  decodeLogChunk,
  type LogChunk,
  type LogLine,
} from '../../runtime/protocol/logChunks';
import { applyRunEvent, newRunRecord, type RunRecord } from '../../runtime/protocol/runRecord';
import type { Unsubscribe } from './api';
import { Emitter } from './emitter';

/**
 * Takes each event and each line once, whatever a runtime sends again after a lost session: events are
 * recognised by their content, memory samples by their time, lines by their number.
 */
export class RunFollower {
  private current: RunRecord;
  private readonly seen = new Set<string>();
  private readonly sampledAt = new Map<string, number>();
  /** The newest counts of each kind: a runtime repeats no older ones. */
  private readonly counted = new Map<string, string>();
  private readonly events = new Emitter<{ events: readonly RunEvent[]; record: RunRecord }>();
  private readonly lines = new Emitter<readonly LogLine[]>();
  private readonly outputs = new Set<(chunk: LogChunk) => void | Promise<void>>();
  private lastLine = 0;

  constructor(run: string, file: string, qualname: string, startedAt: number) {
    this.current = newRunRecord(run, file, qualname, startedAt);
  }

  get record(): RunRecord {
    return this.current;
  }

  /** Number of the last line received. */
  get line(): number {
    return this.lastLine;
  }

  onEvents(listener: (events: readonly RunEvent[], record: RunRecord) => void): Unsubscribe {
    return this.events.on(({ events, record }) => {
      listener(events, record);
    });
  }

  onLog(listener: (lines: readonly LogLine[]) => void): Unsubscribe {
    return this.lines.on(listener);
  }

  onOutput(listener: (chunk: LogChunk) => void | Promise<void>): Unsubscribe {
    const own = (chunk: LogChunk): void | Promise<void> => listener(chunk);
    this.outputs.add(own);
    return () => {
      this.outputs.delete(own);
    };
  }

  /** Names the run, once a runtime has told what it is. */
  describe(file: string, qualname: string, startedAt: number): void {
    this.current = { ...this.current, file, qualname, startedAt };
  }

  applyEvents(events: readonly RunEvent[]): void {
    const fresh = events.filter((event) => this.isNew(event));
    if (fresh.length === 0) return;
    this.current = fresh.reduce(applyRunEvent, this.current);
    this.events.emit({ events: fresh, record: this.current });
  }

  /** Takes one payload of the log stream. A promise asks to wait before more is sent. */
  applyOutput(payload: Uint8Array): void | Promise<void> {
    const chunk = withoutLines(decodeLogChunk(payload), this.lastLine);
    if (chunk === undefined) return;
    this.lastLine = chunk.firstSeq + chunk.lines - 1;
    if (this.lines.size > 0) this.lines.emit(chunkLines(chunk));
    const pauses = [...this.outputs].map((listener) => listener(chunk));
    const waits = pauses.filter((pause) => pause !== undefined);
    if (waits.length > 0) return Promise.all(waits).then(() => undefined);
  }

  private isNew(event: RunEvent): boolean {
    if (event.type === 'memory') {
      if (event.at <= (this.sampledAt.get(event.device) ?? 0)) return false;
      this.sampledAt.set(event.device, event.at);
      return true;
    }
    if (event.type === 'calls' || event.type === 'batch') {
      const counts = JSON.stringify(event);
      if (this.counted.get(event.type) === counts) return false;
      this.counted.set(event.type, counts);
      return true;
    }
    const key = keyOf(event);
    if (this.seen.has(key)) return false;
    this.seen.add(key);
    return true;
  }
}

/** Equal for an event that is told again. */
function keyOf(event: RunEvent): string {
  if (event.type === 'items-gap') return `gap ${String(event.items)}`;
  if (event.type === 'yield') return `yield ${String(event.index)}`;
  if (event.type === 'input-result') return `input ${String(event.map)} ${String(event.index)}`;
  return JSON.stringify(event);
}

/** The chunk from the line after `line` on, or undefined when nothing is left of it. */
export function withoutLines(chunk: LogChunk, line: number): LogChunk | undefined {
  if (chunk.firstSeq > line) return chunk;
  const skip = line - chunk.firstSeq + 1;
  if (skip >= chunk.lines) return undefined;
  let offset = 0;
  for (let skipped = 0; skipped < skip; skipped += 1) offset = chunk.bytes.indexOf(10, offset) + 1;
  return {
    ...chunk,
    firstSeq: line + 1,
    lines: chunk.lines - skip,
    bytes: chunk.bytes.subarray(offset),
  };
}
