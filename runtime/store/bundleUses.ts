/** When each bundle was last needed: what may go when the disk fills up. */
import type { Database } from './database';

/** A use so soon after the one on disk is remembered in memory only, in ms. */
const WRITE_EVERY_MS = 60 * 60 * 1000;

export class BundleUses {
  private readonly usedAt: Map<string, number>;
  private readonly written: Map<string, number>;
  private readonly listeners = new Set<(bundle: string) => void>();

  constructor(private readonly database: Database) {
    const rows = database.all('SELECT bundle, used_at FROM bundle_uses');
    this.written = new Map(rows.map((row) => [String(row['bundle']), Number(row['used_at'])]));
    this.usedAt = new Map(this.written);
  }

  /** Somebody offers it, asks for it or runs it; `at` in ms since the epoch. */
  used(bundle: string, at = Date.now()): void {
    this.usedAt.set(bundle, at);
    for (const listener of this.listeners) listener(bundle);
    if (at - (this.written.get(bundle) ?? -Infinity) < WRITE_EVERY_MS) return;
    this.written.set(bundle, at);
    this.database.enqueue(
      'INSERT OR REPLACE INTO bundle_uses (bundle, used_at) VALUES (?, ?)',
      [bundle, at],
      `use of ${bundle}`,
    );
  }

  /** Newest first. */
  list(): { bundle: string; usedAt: number }[] {
    return [...this.usedAt]
      .map(([bundle, usedAt]) => ({ bundle, usedAt }))
      .sort((a, b) => b.usedAt - a.usedAt);
  }

  forget(bundle: string): void {
    this.usedAt.delete(bundle);
    this.written.delete(bundle);
    this.database.enqueue('DELETE FROM bundle_uses WHERE bundle = ?', [bundle], `use of ${bundle}`);
  }

  /** Calls back, at once, for each bundle that is used from now on. Returns the undo. */
  onUse(listener: (bundle: string) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
