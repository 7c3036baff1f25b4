/** Days and months of this machine’s time zone, for people. Pure. */

const DAY_MS = 86_400_000;

/** The day of a moment (ms since the epoch), such as `2026-11-24`. */
export function dayOf(at: number): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** First day of the day's month. */
export function monthOf(day: string): string {
  return `${day.slice(0, 8)}01`;
}

/** When the day or month that a moment is in ends, both in ms since the epoch. */
export function periodEnd(period: 'day' | 'month', at: number): number {
  const date = new Date(at);
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()];
  return (period === 'day' ? new Date(year, month, day + 1) : new Date(year, month + 1)).getTime();
}

/** The day that lies so many days before another. */
export function daysBefore(day: string, days: number): string {
  return new Date(Date.parse(day) - days * DAY_MS).toISOString().slice(0, 10);
}

/** Days from the first to the last, both counted. */
export function daysBetween(first: string, last: string): number {
  return Math.round((Date.parse(last) - Date.parse(first)) / DAY_MS) + 1;
}

/** When a day begins, in ms since the epoch. */
export function startOfDay(day: string): number {
  return new Date(`${day}T00:00:00`).getTime();
}

/** Time that ended at a moment (ms since the epoch), cut at each midnight, earliest part first. */
export function partsByDay(ms: number, endedAt: number): { day: string; ms: number }[] {
  const parts: { day: string; ms: number }[] = [];
  let [left, end] = [ms, endedAt];
  while (left > 0) {
    // What ends at midnight belongs to the day before it.
    const day = dayOf(end - 1);
    const own = Math.min(left, Math.max(1, end - startOfDay(day)));
    parts.unshift({ day, ms: own });
    left -= own;
    end -= own;
  }
  return parts;
}
