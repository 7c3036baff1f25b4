/** Calls of endpoints that nobody waits for, for as long as their results can be asked for. */
import type { Database, Row } from './database';

export interface KeptCall {
  readonly run: string;
  /** Names environment, app and function. */
  readonly scope: string;
  /** Its idempotency key in its scope, hashed; null for a call without one. */
  readonly key: string | null;
  /** Hash of its arguments. */
  readonly input: string;
  /** ms since the epoch; null while it goes on. */
  readonly expiresAt: number | null;
  /** Of its result; 0 while it goes on. */
  readonly bytes: number;
}

export class KeptCallStore {
  private readonly calls = new Map<string, KeptCall>();
  private readonly byKey = new Map<string, string>();
  /** Ended ones, those that expire first at the front. */
  private readonly ended = new Set<string>();
  private heldBytes = 0;

  /** Calls that an earlier runtime left going on have failed with it: they expire at `interruptedExpireAt`. */
  constructor(
    private readonly database: Database,
    interruptedExpireAt: number,
  ) {
    const rows = database.all('SELECT * FROM kept_calls ORDER BY expires_at').map(callOf);
    for (const call of rows) this.take(call);
    for (const { run, expiresAt } of rows) {
      if (expiresAt === null) this.end(run, interruptedExpireAt, 0);
    }
  }

  get count(): number {
    return this.calls.size;
  }

  /** Bytes of the results that are kept. */
  get bytes(): number {
    return this.heldBytes;
  }

  /** ms since the epoch; undefined while nothing that has ended is kept. */
  get nextExpiry(): number | undefined {
    const [first] = this.ended;
    return this.find(first)?.expiresAt ?? undefined;
  }

  find(run: string | undefined): KeptCall | undefined {
    return run === undefined ? undefined : this.calls.get(run);
  }

  findByKey(key: string): KeptCall | undefined {
    return this.find(this.byKey.get(key));
  }

  /** Writes down what was noted so far: who was told of a call may ask for it after a crash. */
  settle(): void {
    this.database.flush();
  }

  /** Notes a call that begins. Batched. */
  begin({ run, scope, key, input }: Pick<KeptCall, 'run' | 'scope' | 'key' | 'input'>): void {
    this.take({ run, scope, key, input, expiresAt: null, bytes: 0 });
    this.write(run);
  }

  /** Notes the end of a call; nothing for one that was removed meanwhile. Batched. */
  end(run: string, expiresAt: number, bytes: number): void {
    const call = this.calls.get(run);
    if (call === undefined) return;
    this.take({ ...call, expiresAt, bytes });
    this.write(run);
  }

  /** Batched. */
  remove(run: string): void {
    const call = this.calls.get(run);
    if (call === undefined) return;
    this.calls.delete(run);
    this.ended.delete(run);
    this.heldBytes -= call.bytes;
    if (call.key !== null) this.byKey.delete(call.key);
    this.database.enqueue('DELETE FROM kept_calls WHERE run = ?', [run], `kept ${run}`);
  }

  /** Removes what has expired. */
  expire(now: number): void {
    for (const run of this.ended) {
      const { expiresAt = null } = this.calls.get(run) ?? {};
      if (expiresAt === null || expiresAt > now) return;
      this.remove(run);
    }
  }

  private take(call: KeptCall): void {
    const { run, key, expiresAt, bytes } = call;
    this.heldBytes += bytes - (this.calls.get(run)?.bytes ?? 0);
    this.calls.set(run, call);
    if (key !== null) this.byKey.set(key, run);
    if (expiresAt !== null) this.ended.add(run);
  }

  private write(run: string): void {
    const call = this.calls.get(run);
    if (call === undefined) return;
    const { scope, key, input, expiresAt, bytes } = call;
    this.database.enqueue(
      'INSERT OR REPLACE INTO kept_calls (run, scope, key, input, expires_at, bytes) VALUES (?, ?, ?, ?, ?, ?)',
      [run, scope, key, input, expiresAt, bytes],
      `kept ${run}`,
    );
  }
}

function callOf(row: Row): KeptCall {
  const { key, expires_at: expiresAt } = row;
  return {
    run: String(row['run']),
    scope: String(row['scope']),
    key: typeof key === 'string' ? key : null,
    input: String(row['input']),
    expiresAt: typeof expiresAt === 'number' ? expiresAt : null,
    bytes: Number(row['bytes']),
  };
}
