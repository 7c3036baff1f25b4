/**
 * What kept runs take, in pages: there may be any number of them. Calls of endpoints stand in groups, one for each
 * function and outcome, because nobody asked for any single one of them and they come in great numbers.
 */
import type { RunSummary } from '../protocol/methods';
import type { Database, Row, SqlValue } from './database';

/** Rows that are looked at between two turns of the event loop. */
const PAGE = 128;

/** Calls of one endpoint with one outcome. */
export interface EndpointGroup {
  /** Names environment, app and function. */
  endpoint: string;
  status: string;
}

export interface RunSize {
  run: string;
  status: string;
  startedAt: number;
  /** In the store. */
  bytes: number;
  /** In its folder; undefined where that was not measured yet, 0 where it has none. */
  fileBytes: number | undefined;
}

/** All of a kind together. */
export interface RunTotals {
  runs: number;
  bytes: number;
  /** ms since the epoch; null where there are none. */
  newestAt: number | null;
}

export class RunSizes {
  /** Groups that calls have come to since they were asked for. */
  private grown = new Map<string, EndpointGroup>();
  private calls = 0;
  private bytes = 0;

  constructor(private readonly database: Database) {}

  /** Ended since this was reset: calls of endpoints, and bytes of all runs. */
  get growth(): { calls: number; bytes: number } {
    return { calls: this.calls, bytes: this.bytes };
  }

  /** A run has ended and takes this much. */
  grew(summary: RunSummary, bytes: number): void {
    this.bytes += bytes;
    const endpoint = endpointOf(summary);
    if (endpoint === null) return;
    this.calls += 1;
    const { status } = summary;
    this.grown.set(`${status} ${endpoint}`, { endpoint, status });
  }

  /** Groups that have grown since this was asked last; what has grown counts from here on. */
  takeGrown(): EndpointGroup[] {
    const grown = [...this.grown.values()];
    this.grown = new Map();
    this.calls = 0;
    this.bytes = 0;
    return grown;
  }

  /** All groups, those of active calls too. One look-up each, however many calls they have. */
  groups(): EndpointGroup[] {
    const found: EndpointGroup[] = [];
    let after = { endpoint: '', status: '' };
    for (;;) {
      const [row] = this.database.all(
        `SELECT endpoint, status FROM runs
         WHERE endpoint IS NOT NULL AND (endpoint, status) > (?, ?)
         ORDER BY endpoint, status LIMIT 1`,
        [after.endpoint, after.status],
      );
      if (row === undefined) return found;
      after = { endpoint: String(row['endpoint']), status: String(row['status']) };
      found.push(after);
    }
  }

  /** Runs of people or of a group, active ones too, newest first: the page behind `last`. */
  page(group: EndpointGroup | undefined, last: RunSize | undefined): RunSize[] {
    const which = group === undefined ? 'endpoint IS NULL' : 'endpoint = ? AND status = ?';
    const values: SqlValue[] = group === undefined ? [] : [group.endpoint, group.status];
    const after: SqlValue[] =
      last === undefined ? [Number.MAX_VALUE, ''] : [last.startedAt, last.run];
    return this.database
      .all(
        `SELECT run, status, started_at, bytes, file_bytes FROM runs
         WHERE ${which} AND (started_at, run) < (?, ?)
         ORDER BY started_at DESC, run DESC LIMIT ${PAGE}`,
        [...values, ...after],
      )
      .map(sizeOf);
  }

  /** Notes what a run's folder takes. Batched. */
  measured(run: string, fileBytes: number): void {
    this.database.enqueue('UPDATE runs SET file_bytes = ? WHERE run = ?', [fileBytes, run]);
  }

  /** Of runs of people, or of calls of endpoints. */
  totals(of: 'people' | 'endpoints'): RunTotals {
    const [row] = this.database.all(
      `SELECT COUNT(*) AS runs, SUM(bytes) AS bytes, MAX(started_at) AS newest FROM runs
       WHERE endpoint IS ${of === 'people' ? '' : 'NOT '}NULL`,
    );
    const newest = row?.['newest'];
    return {
      runs: Number(row?.['runs'] ?? 0),
      bytes: Number(row?.['bytes'] ?? 0),
      newestAt: typeof newest === 'number' ? newest : null,
    };
  }
}

/** Names the endpoint that a run is a call of; null for every other run. */
export function endpointOf({ endpoint, environment, app, qualname }: RunSummary): string | null {
  return endpoint === true ? JSON.stringify([environment, app, qualname]) : null;
}

function sizeOf(row: Row): RunSize {
  const fileBytes = row['file_bytes'];
  return {
    run: String(row['run']),
    status: String(row['status']),
    startedAt: Number(row['started_at']),
    bytes: Number(row['bytes']),
    fileBytes: typeof fileBytes === 'number' ? fileBytes : undefined,
  };
}
