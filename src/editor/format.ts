/** Figures as a person reads them. Pure. */

/** `0.4 s`, `12 s`, `3 min 05 s`, `1 h 02 min`. */
export function formatDuration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${String(Math.round(seconds))} s`;
  return formatMinutes(Math.round(seconds));
}

/** A running clock: whole seconds, so that it moves once a second. */
export function formatClock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return seconds < 60 ? `${String(seconds)} s` : formatMinutes(seconds);
}

function formatMinutes(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const rest = (value: number): string => String(value).padStart(2, '0');
  if (minutes < 60) return `${String(minutes)} min ${rest(seconds % 60)} s`;
  return `${String(Math.floor(minutes / 60))} h ${rest(minutes % 60)} min`;
}

/** Dollars with enough digits to tell a small cost from nothing. */
export function formatUsd(usd: number): string {
  if (usd === 0) return '$0';
  if (usd < 0.0001) return '<$0.0001';
  return usd < 0.1 ? `$${usd.toFixed(4)}` : `$${usd.toFixed(2)}`;
}

/** `812 B`, `1.5 kB`, `50.0 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${String(bytes)} B` : `${value.toFixed(1)} ${units[unit] ?? ''}`;
}
