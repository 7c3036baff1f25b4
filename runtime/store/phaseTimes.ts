/** How long phases took in earlier runs, over restarts: a few durations for each function, oldest functions forgotten. */
import * as z from 'zod';
import type { Database } from './database';

/** Durations in ms, oldest first, by phase and by the way in which it happened. */
export type PhaseDurations = Record<string, number[]>;

const durationsSchema = z.record(z.string(), z.array(z.number()));

export class PhaseTimeStore {
  constructor(private readonly database: Database) {}

  /** All that is kept, least recently noted first. */
  load(): [key: string, durations: PhaseDurations][] {
    return this.database
      .all('SELECT key, durations FROM phase_times ORDER BY at, rowid')
      .map((row) => [
        String(row['key']),
        durationsSchema.parse(JSON.parse(String(row['durations']))),
      ]);
  }

  /** Batched, as all of a run's end is. */
  save(key: string, durations: PhaseDurations, at: number): void {
    this.database.enqueue(
      'INSERT OR REPLACE INTO phase_times (key, durations, at) VALUES (?, ?, ?)',
      [key, JSON.stringify(durations), at],
      `phase times ${key}`,
    );
  }

  forget(key: string): void {
    this.database.enqueue('DELETE FROM phase_times WHERE key = ?', [key], `phase times ${key}`);
  }
}
