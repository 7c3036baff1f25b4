/**
 * The runtime's SQLite file: opening, migrations, and writes in batches off the hot path.
 *
 * The build without native addons locks by a folder `FILE.lock` and can keep a write-ahead log only while
 * one process holds the file. Both fit: the home's lock (home.ts) already lets one runtime in, so a lock
 * folder found at opening belongs to a process that was killed.
 */
import { rmSync } from 'node:fs';
import { Database as SqliteDatabase, type Statement } from 'node-sqlite3-wasm';
import { VelarError } from '../protocol/errors';
import { migrations } from './migrations';

export type SqlValue = string | number | null;
export type Row = Record<string, unknown>;

/** How long changes wait for others, so that one transaction takes them all, in ms. */
const BATCH_DELAY_MS = 100;

export class Database {
  private queue = new Map<string | symbol, { sql: string; values: SqlValue[] }>();
  private readonly statements = new Map<string, Statement>();
  private timer: NodeJS.Timeout | undefined;
  private failure: VelarError | undefined;

  private constructor(
    private readonly sqlite: SqliteDatabase,
    private readonly onError: (error: VelarError) => void,
  ) {}

  /**
   * Opens or makes the file and brings it to the newest schema. Call it only while holding the home's lock.
   * Throws `conflict` for a file that a newer version made, `disk-full`, `internal` for a damaged one.
   * @param onError told when a batch could not be written; later batches are tried again
   */
  static open(file: string, onError: (error: VelarError) => void): Database {
    rmSync(`${file}.lock`, { recursive: true, force: true });
    const sqlite = new SqliteDatabase(file);
    try {
      // The write-ahead log needs no shared memory in exclusive mode; NORMAL keeps it whole after a crash.
      sqlite.exec('PRAGMA locking_mode=EXCLUSIVE');
      sqlite.exec('PRAGMA journal_mode=WAL');
      sqlite.exec('PRAGMA synchronous=NORMAL');
      migrate(sqlite);
    } catch (error) {
      sqlite.close();
      if (error instanceof VelarError) throw error;
      throw new VelarError('internal', `The store ${file} can't be opened: ${messageOf(error)}`, {
        hint: 'Move the file away to start with an empty store.',
        cause: error,
      });
    }
    return new Database(sqlite, onError);
  }

  /** Why the last batch was not written, or undefined when it was. */
  get lastFailure(): VelarError | undefined {
    return this.failure;
  }

  /**
   * Queues a change; it is on disk after at most BATCH_DELAY_MS, or after `flush`. One with the same `replaces` that
   * still waits is not made: what it would have written, this one writes too.
   */
  enqueue(sql: string, values: SqlValue[], replaces?: string): void {
    const key = replaces ?? Symbol('change');
    this.queue.delete(key);
    this.queue.set(key, { sql, values });
    this.timer ??= setTimeout(() => {
      this.flush();
    }, BATCH_DELAY_MS).unref();
  }

  /** Writes what is queued in one transaction. On failure the queue stays and `onError` is told. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.queue.size === 0) return;
    try {
      this.transaction(() => {
        for (const { sql, values } of this.queue.values()) this.prepared(sql).run(values);
      });
      this.queue = new Map();
      this.failure = undefined;
    } catch (error) {
      this.failure = writeFailure(error);
      this.onError(this.failure);
    }
  }

  /** Changes now, what is queued first. Throws `disk-full` or `internal`. */
  run(sql: string, values: SqlValue[]): void {
    this.flush();
    try {
      this.prepared(sql).run(values);
    } catch (error) {
      throw writeFailure(error);
    }
  }

  /** Changes of `work` are made all or none. */
  together(work: () => void): void {
    this.flush();
    this.transaction(work);
  }

  /** True while a change with this `replaces` waits. */
  isQueued(replaces: string): boolean {
    return this.queue.has(replaces);
  }

  /** Rows without what is queued, which waits on: for those who asked `isQueued` first. */
  stored(sql: string, values: SqlValue[] = []): Row[] {
    return this.prepared(sql).all(values);
  }

  /** Rows, with what is queued already in them. */
  all(sql: string, values: SqlValue[] = []): Row[] {
    this.flush();
    return this.prepared(sql).all(values);
  }

  close(): void {
    this.flush();
    for (const statement of this.statements.values()) statement.finalize();
    this.statements.clear();
    this.sqlite.close();
  }

  /** Compiled once: compiling costs several times what running does. */
  private prepared(sql: string): Statement {
    const known = this.statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.sqlite.prepare(sql);
    this.statements.set(sql, statement);
    return statement;
  }

  private transaction(work: () => void): void {
    inTransaction(this.sqlite, work);
  }
}

function migrate(sqlite: SqliteDatabase): void {
  const version = Number(sqlite.get('PRAGMA user_version')?.['user_version'] ?? 0);
  if (version > migrations.length) {
    throw new VelarError(
      'conflict',
      `The store was made by a newer Velar (schema ${String(version)}, this one knows ${String(migrations.length)}).`,
      { hint: 'Update Velar, or use another VELAR_HOME.' },
    );
  }
  for (let next = version; next < migrations.length; next += 1) {
    inTransaction(sqlite, () => {
      sqlite.exec(migrations[next] ?? '');
      sqlite.exec(`PRAGMA user_version=${String(next + 1)}`);
    });
  }
}

function inTransaction(sqlite: SqliteDatabase, work: () => void): void {
  sqlite.exec('BEGIN');
  try {
    work();
    sqlite.exec('COMMIT');
  } catch (error) {
    if (sqlite.inTransaction) sqlite.exec('ROLLBACK');
    throw error;
  }
}

function writeFailure(error: unknown): VelarError {
  const message = messageOf(error);
  if (message.includes('disk is full') || message.includes('disk I/O error')) {
    return new VelarError('disk-full', 'The store can’t be written: no space left on the disk.', {
      hint: 'Free some space, then try again.',
      cause: error,
    });
  }
  return new VelarError('internal', `The store can’t be written: ${message}.`, { cause: error });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
