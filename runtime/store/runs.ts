/** Runs, and the events worth keeping of each: what survives a restart. */
import { runEventSchema, type RunEvent } from '../protocol/events';
import { runSummarySchema, type RunSummary } from '../protocol/methods';
import type { RunError } from '../protocol/values';
import type { Database, Row } from './database';

/** A result or item whose JSON is longer than this is not kept; the run's record then says so. */
export const KEPT_RESULT_CHARACTERS = 1024 * 1024;
/** Items of a generator, and results of inputs that ran again. */
const KEPT_YIELDS = 100;

export class RunStore {
  /** Ids of all runs: that a new run is new must cost no look at the disk. */
  private readonly known: Set<unknown>;

  constructor(private readonly database: Database) {
    this.known = new Set(database.all('SELECT run FROM runs').map((row) => row['run']));
  }

  /** Notes a run that began. Batched: on disk within a tenth of a second. */
  started(summary: RunSummary): void {
    this.known.add(summary.run);
    this.database.enqueue(
      'INSERT OR REPLACE INTO runs (run, status, started_at, summary, events) VALUES (?, ?, ?, ?, NULL)',
      [summary.run, summary.status, summary.startedAt, JSON.stringify(summary)],
      summary.run,
    );
  }

  /** Notes how a run ended, with its events; samples and very large results are left out. Batched. */
  ended(summary: RunSummary, events: readonly RunEvent[]): void {
    this.known.add(summary.run);
    this.database.enqueue(
      'INSERT OR REPLACE INTO runs (run, status, started_at, summary, events) VALUES (?, ?, ?, ?, ?)',
      [
        summary.run,
        summary.status,
        summary.startedAt,
        JSON.stringify(summary),
        JSON.stringify(worthKeeping(events)),
      ],
      summary.run,
    );
  }

  /** Undefined for a run that is not known. */
  summary(run: string): RunSummary | undefined {
    if (!this.known.has(run)) return undefined;
    const row = this.database.all('SELECT summary FROM runs WHERE run = ?', [run])[0];
    return row === undefined ? undefined : summaryOf(row);
  }

  /** Events of a run that ended, in order; undefined for one that is not known. */
  events(run: string): RunEvent[] | undefined {
    if (!this.known.has(run)) return undefined;
    const row = this.database.all('SELECT events FROM runs WHERE run = ?', [run])[0];
    if (row === undefined) return undefined;
    const text = row['events'];
    return typeof text === 'string' ? runEventSchema.array().parse(JSON.parse(text)) : [];
  }

  /** Ids of all runs, for telling a new one without asking the database. */
  ids(): string[] {
    return this.database.all('SELECT run FROM runs').map((row) => String(row['run']));
  }

  /** Newest first. */
  list(limit: number): RunSummary[] {
    return this.database
      .all('SELECT summary FROM runs ORDER BY started_at DESC, rowid DESC LIMIT ?', [limit])
      .map(summaryOf);
  }

  /** What each ended run takes in the store, in bytes, without its log; newest first. */
  sizes(): { run: string; startedAt: number; bytes: number }[] {
    return this.database
      .all(
        `SELECT run, started_at, LENGTH(summary) + COALESCE(LENGTH(events), 0) AS bytes FROM runs
         WHERE status <> 'active' ORDER BY started_at DESC, rowid DESC`,
      )
      .map((row) => ({
        run: String(row['run']),
        startedAt: Number(row['started_at']),
        bytes: Number(row['bytes']),
      }));
  }

  /** Forgets a run; what it cost stays in the usage. */
  remove(run: string): void {
    this.database.run('DELETE FROM runs WHERE run = ?', [run]);
    this.known.delete(run);
  }

  /**
   * Ends as failed, with the reason, each run that an earlier runtime left active: it can't be going any more.
   * Call once after opening. Returns the summaries as they are now.
   */
  failInterrupted(now: number): RunSummary[] {
    const left = this.database
      .all("SELECT summary FROM runs WHERE status = 'active'")
      .map(summaryOf);
    const ended = left.map((summary): RunSummary => {
      const ms = Math.max(0, now - summary.startedAt);
      return { ...summary, status: 'failed', ms, error: interrupted() };
    });
    for (const summary of ended) {
      const error: RunEvent = { type: 'error', at: now, error: interrupted() };
      this.ended(summary, [
        error,
        { type: 'ended', at: now, status: 'failed', ms: summary.ms ?? 0, lines: summary.lines },
      ]);
    }
    this.database.flush();
    return ended;
  }
}

function interrupted(): RunError {
  return {
    kind: 'infrastructure',
    type: 'RuntimeStopped',
    message: 'The runtime stopped while this run was going, so its end is not known.',
    traceback: [],
    hint: 'Run it again.',
  };
}

function summaryOf(row: Row): RunSummary {
  return runSummarySchema.parse(JSON.parse(String(row['summary'])));
}

function worthKeeping(events: readonly RunEvent[]): RunEvent[] {
  let yields = 0;
  return events.filter((event) => {
    if (event.type === 'memory' || event.type === 'calls') return false;
    if (event.type === 'phase') return event.status !== 'progress';
    const one = event.type === 'yield' || event.type === 'input-result';
    if (one) yields += 1;
    if (one && yields > KEPT_YIELDS) return false;
    if (!one && event.type !== 'result') return true;
    return keptCharacters(event) > 0;
  });
}

/** What a result, item or error takes in the store; 0 for one that is too long to be kept. */
export function keptCharacters(event: RunEvent): number {
  const { length } = JSON.stringify(event);
  return length <= KEPT_RESULT_CHARACTERS ? length : 0;
}
