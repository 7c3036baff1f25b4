/**
 * The log lines that the page keeps: pieces of a line joined, gaps in their place, the oldest let go.
 * Free of the DOM; the view asks what changed.
 */
import type { LogLine } from '../../runtime/protocol/logChunks';
import { plural } from '../../runtime/protocol/figures';
import { plainText } from './ansi';

export const MAX_LINES = 50_000;
/** A line that overwrites itself for ever keeps this much of its past, in characters. */
const MAX_OVERWRITTEN = 8_192;
/** A line that never ends goes on in a new entry after this many characters. */
const MAX_JOINED = 100_000;

interface Gap {
  afterSeq: number;
  lines: number;
  reason: string;
}

export interface TextEntry {
  kind: 'line';
  /** Number of the line's first piece. */
  seq: number;
  stream: LogLine['stream'];
  at: number;
  /** As printed, escapes and all. */
  raw: string;
  /** Not ended yet: the next piece of its stream belongs to it. */
  open: boolean;
}
export interface GapEntry {
  kind: 'gap';
  /** Lines up to this number stand before it. */
  seq: number;
  lines: number;
  reason: string;
}
export type LogEntry = TextEntry | GapEntry;

export interface LogDelta {
  added: LogEntry[];
  /** Known entries whose text grew. */
  changed: Set<LogEntry>;
  /** Entries that went, all from the front. */
  evicted: Set<LogEntry>;
  /** Something changed in the middle: show everything anew. */
  rebuilt: boolean;
}

export class LogBuffer {
  private list: LogEntry[] = [];
  private open: Record<LogLine['stream'], TextEntry | null> = { stdout: null, stderr: null };
  private lastSeq = 0;
  private gapKeys = new Set<string>();
  private droppedByHost = 0;

  /** `limit`: entries kept at most. */
  constructor(private readonly limit = MAX_LINES) {}

  get entries(): readonly LogEntry[] {
    return this.list;
  }

  /** Lines older than the first one kept; they are in the full log only. */
  get older(): number {
    const first = this.list.find((entry) => entry.kind === 'line');
    return Math.max(0, first === undefined ? this.droppedByHost : first.seq - 1);
  }

  /** Starts over with the lines of a run. */
  replace(lines: readonly LogLine[], dropped: number): void {
    this.list = [];
    this.open = { stdout: null, stderr: null };
    this.lastSeq = 0;
    this.gapKeys = new Set();
    this.append(lines, dropped);
  }

  /** Adds new lines; lines that it has already are passed over. */
  append(lines: readonly LogLine[], dropped: number): LogDelta {
    this.droppedByHost = dropped;
    const delta: LogDelta = {
      added: [],
      changed: new Set(),
      evicted: new Set(),
      rebuilt: false,
    };
    const fresh = new Set<LogEntry>();
    for (const line of lines) {
      if (line.seq <= this.lastSeq) continue;
      const missing = this.lastSeq === 0 ? 0 : line.seq - this.lastSeq - 1;
      if (missing > 0) this.skip(delta, missing);
      this.lastSeq = line.seq;
      const open = this.open[line.stream];
      const before = open !== null && open.raw.length < MAX_JOINED ? open : null;
      if (before !== null) {
        before.raw = bounded(before.raw + line.text);
        before.open = line.partial;
        if (!fresh.has(before)) delta.changed.add(before);
      } else {
        const { seq, stream, at } = line;
        const entry: TextEntry = {
          kind: 'line',
          seq,
          stream,
          at,
          raw: bounded(line.text),
          open: line.partial,
        };
        fresh.add(entry);
        delta.added.push(entry);
        this.list.push(entry);
      }
      this.open[line.stream] = line.partial ? (before ?? (this.list.at(-1) as TextEntry)) : null;
    }
    this.evict(delta);
    return delta;
  }

  /** Puts gaps where their lines are missing. Those known already stay. */
  setGaps(gaps: readonly Gap[]): LogDelta {
    const delta: LogDelta = {
      added: [],
      changed: new Set(),
      evicted: new Set(),
      rebuilt: false,
    };
    for (const gap of gaps) {
      const key = `${gap.afterSeq}:${gap.lines}:${gap.reason}`;
      if (this.gapKeys.has(key)) continue;
      this.gapKeys.add(key);
      const { afterSeq: seq, lines, reason } = gap;
      const entry: GapEntry = { kind: 'gap', seq, lines, reason };
      const index = this.list.findIndex((other) => other.kind === 'line' && other.seq > seq);
      if (index === -1) {
        this.list.push(entry);
        delta.added.push(entry);
      } else {
        this.list.splice(index, 0, entry);
        delta.rebuilt = true;
      }
    }
    this.evict(delta);
    return delta;
  }

  /** Lines that the editor left out, because a page has no use for a flood's every line. */
  private skip(delta: LogDelta, lines: number): void {
    this.open = { stdout: null, stderr: null };
    const reason = 'they are in the full log';
    const entry: GapEntry = { kind: 'gap', seq: this.lastSeq, lines, reason };
    this.list.push(entry);
    delta.added.push(entry);
  }

  private evict(delta: LogDelta): void {
    const excess = this.list.length - this.limit;
    if (excess <= 0) return;
    delta.evicted = new Set(this.list.splice(0, excess));
    for (const entry of delta.evicted) delta.changed.delete(entry);
    delta.added = delta.added.filter((entry) => !delta.evicted.has(entry));
    for (const stream of ['stdout', 'stderr'] as const) {
      const open = this.open[stream];
      if (open !== null && delta.evicted.has(open)) this.open[stream] = null;
    }
  }
}

/** Forgets what a progress bar has overwritten long ago. */
function bounded(raw: string): string {
  if (raw.length <= MAX_OVERWRITTEN) return raw;
  const last = raw.lastIndexOf('\r', raw.length - 2);
  if (last <= 0) return raw;
  const before = raw.lastIndexOf('\r', last - 1);
  return before === -1 ? raw : raw.slice(before + 1);
}

/** An entry's text for searching and copying. */
export function entryText(entry: LogEntry): string {
  return entry.kind === 'line' ? plainText(entry.raw) : gapText(entry);
}

/** How a gap reads in the log. */
export function gapText(gap: GapEntry): string {
  return `${plural(gap.lines, 'line')} not shown here: ${gap.reason}`;
}
