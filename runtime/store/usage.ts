/** Time of containers added up by day, app, function, cards and kind; and the budgets. */
import { budgetSchema, usageRowSchema, type Budget, type UsageRow } from '../protocol/metering';
import type { Database, Row } from './database';

export class UsageStore {
  constructor(private readonly database: Database) {}

  /** Adds to the row of the same day, app, function, cards and kind. Batched. */
  add({ day, app, function: name, gpu, cards, kind, ms, usd }: UsageRow): void {
    this.database.enqueue(
      `INSERT INTO container_time (day, app, function, gpu, cards, kind, ms, usd) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (day, app, function, gpu, cards, kind) DO UPDATE SET ms = ms + excluded.ms, usd = usd + excluded.usd`,
      [day, app, name, gpu ?? '', cards, kind, ms, usd],
    );
  }

  /** Rows of these days, both counted, in their order. */
  rows(first: string, last: string): UsageRow[] {
    return this.database
      .all(
        `SELECT day, app, function, gpu, cards, kind, ms, usd FROM container_time
         WHERE day >= ? AND day <= ? ORDER BY day, app, function, gpu, kind`,
        [first, last],
      )
      .map(usageOf);
  }

  /** Dollars of these days, for each app that has any. */
  spent(first: string, last: string): Map<string, number> {
    const rows = this.database.all(
      'SELECT app, SUM(usd) AS usd FROM container_time WHERE day >= ? AND day <= ? GROUP BY app',
      [first, last],
    );
    return new Map(rows.map((row) => [String(row['app']), Number(row['usd'])]));
  }

  /** So many cards of a model worked at once on that day. Batched; the most of a day is kept. */
  notePeak(day: string, gpu: string, cards: number): void {
    this.database.enqueue(
      `INSERT INTO card_peaks (day, gpu, cards) VALUES (?, ?, ?)
       ON CONFLICT (day, gpu) DO UPDATE SET cards = MAX(cards, excluded.cards)`,
      [day, gpu, cards],
    );
  }

  /** The most cards of each model that worked at once in these days. */
  peaks(first: string, last: string): Map<string, number> {
    const rows = this.database.all(
      'SELECT gpu, MAX(cards) AS cards FROM card_peaks WHERE day >= ? AND day <= ? GROUP BY gpu',
      [first, last],
    );
    return new Map(rows.map((row) => [String(row['gpu']), Number(row['cards'])]));
  }

  budgets(): Budget[] {
    return this.database
      .all('SELECT app, period, usd FROM budgets ORDER BY app')
      .map((row) => budgetSchema.parse({ ...row, app: row['app'] === '' ? null : row['app'] }));
  }

  /** Sets the one budget of its app, or of the runtime. */
  setBudget({ app, period, usd }: Budget): void {
    this.database.run('INSERT OR REPLACE INTO budgets (app, period, usd) VALUES (?, ?, ?)', [
      app ?? '',
      period,
      usd,
    ]);
  }

  removeBudget(app: string | null): void {
    this.database.run('DELETE FROM budgets WHERE app = ?', [app ?? '']);
  }
}

function usageOf(row: Row): UsageRow {
  return usageRowSchema.parse({ ...row, gpu: row['gpu'] === '' ? null : row['gpu'] });
}
