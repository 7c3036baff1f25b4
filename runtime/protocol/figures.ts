/** Figures as people read them: the same in the panel, the editor and the command line. Pure; English. */

const count = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** `1,234`. */
export function formatCount(value: number): string {
  return count.format(value);
}

/** `1 line`, `1,234 lines`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${formatCount(value)} ${value === 1 ? one : many}`;
}

/** A duration: `<1 ms`, `12 ms`, `3.21 s`, `45.2 s`, `2 m 05 s`, `1 h 02 m`. */
export function formatMs(ms: number): string {
  if (ms > 0 && ms < 1) return '<1 ms';
  if (Math.round(ms) < 1000) return `${Math.round(ms)} ms`;
  if (ms < 9_995) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  return minutes(ms);
}

/** A duration that is still growing: tenths of a second, so that the digits do not flicker. */
export function formatElapsed(ms: number): string {
  if (ms < 59_950) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
  return minutes(ms);
}

/** A clock in whole seconds, for what is drawn once a second: `4 s`, `2 m 05 s`. */
export function formatClock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return seconds < 60 ? `${seconds} s` : minutes(seconds * 1000);
}

function minutes(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const pad = (value: number): string => String(value).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${pad(seconds % 60)} s`;
  const whole = Math.round(seconds / 60);
  return `${Math.floor(whole / 60)} h ${pad(whole % 60)} m`;
}

/** Bytes in decimal units: `812 B`, `14.2 kB`, `142 MB`, `3.21 GB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit] ?? ''}`;
}

/** US dollars, never rounded to nothing: `$0.00`, `$0.00042`, `$0.0123`, `$4.20`. */
export function formatUsd(usd: number): string {
  if (usd === 0) return '$0.00';
  if (usd < 0.000001) return '<$0.000001';
  if (usd < 0.01) return `$${usd.toFixed(Math.min(8, 1 - Math.floor(Math.log10(usd))))}`;
  return `$${usd.toFixed(usd < 1 ? 4 : 2)}`;
}

/** Time of day on this machine, `14:02:31`. `at` is ms since the epoch. */
export function formatTime(at: number): string {
  return new Date(at).toLocaleTimeString('en-GB');
}
