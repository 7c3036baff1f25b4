/** Runs, and the events worth keeping of each: what survives a restart. What they take: runSizes.ts. */
import { runEventSchema, type RunEvent } from '../protocol/events';
import { runSummarySchema, type RunSummary } from '../protocol/methods';
import type { RunError } from '../protocol/values';
import type { Database, Row, SqlValue } from './database';
import { endpointOf, RunSizes } from './runSizes';

/** A result or item whose JSON is longer than this is not kept; the run's record then says so. */
export const KEPT_RESULT_CHARACTERS = 1024 * 1024;
/** Items of a generator, and results of inputs that ran again. */
const KEPT_YIELDS = 100;

export class RunStore {
  readonly sizes: RunSizes;

  constructor(private readonly database: Database) {
    this.sizes = new RunSizes(database);
  }

  /** Notes a run that began. Batched: on disk within a tenth of a second. */
  started(summary: RunSummary): void {
    this.write(summary, null, 0);
  }

  /**
   * Notes how a run ended, with its events; samples and very large results are left out. Batched.
   * @param fileBytes what its folder takes; undefined where that has to be measured
   */
  ended(summary: RunSummary, events: readonly RunEvent[], fileBytes?: number): void {
    const bytes = this.write(summary, JSON.stringify(worthKeeping(events)), fileBytes ?? null);
    this.sizes.grew(summary, bytes + (fileBytes ?? 0));
  }

  /** True for a run that is kept. For ids that came from outside; writes nothing of what is queued. */
  has(run: string): boolean {
    if (this.database.isQueued(run)) return true;
    return this.database.stored('SELECT 1 FROM runs WHERE run = ?', [run]).length > 0;
  }

  /** Undefined for a run that is not known. */
  summary(run: string): RunSummary | undefined {
    const row = this.database.all('SELECT summary FROM runs WHERE run = ?', [run])[0];
    return row === undefined ? undefined : summaryOf(row);
  }

  /** Events of a run that ended, in order; undefined for one that is not known. */
  events(run: string): RunEvent[] | undefined {
    const row = this.database.all('SELECT events FROM runs WHERE run = ?', [run])[0];
    if (row === undefined) return undefined;
    const text = row['events'];
    return typeof text === 'string' ? runEventSchema.array().parse(JSON.parse(text)) : [];
  }

  /** Newest first, without calls of endpoints. */
  list(limit: number): RunSummary[] {
    return this.database
      .all(
        'SELECT summary FROM runs WHERE endpoint IS NULL ORDER BY started_at DESC, rowid DESC LIMIT ?',
        [limit],
      )
      .map(summaryOf);
  }

  /** Calls of endpoints, newest first. */
  listEndpoints(limit: number): RunSummary[] {
    const newest = this.sizes
      .groups()
      .flatMap(({ endpoint, status }) =>
        this.database.all(
          `SELECT summary FROM runs WHERE endpoint = ? AND status = ?
           ORDER BY started_at DESC LIMIT ?`,
          [endpoint, status, limit],
        ),
      )
      .map(summaryOf);
    return newest.sort((a, b) => b.startedAt - a.startedAt).slice(0, limit);
  }

  /** Forgets runs, all or none; what they cost stays in the usage. */
  remove(runs: readonly string[]): void {
    this.database.together(() => {
      for (const run of runs) this.database.run('DELETE FROM runs WHERE run = ?', [run]);
    });
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

  /** Returns the bytes of the row. */
  private write(summary: RunSummary, events: string | null, fileBytes: number | null): number {
    const { run, status, startedAt } = summary;
    const text = JSON.stringify(summary);
    const bytes = Buffer.byteLength(text) + Buffer.byteLength(events ?? '');
    const values: SqlValue[] = [run, status, startedAt, text, events];
    this.database.enqueue(
      `INSERT OR REPLACE INTO runs (run, status, started_at, summary, events, endpoint, bytes, file_bytes)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      [...values, endpointOf(summary), bytes, fileBytes],
      run,
    );
    return bytes;
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
