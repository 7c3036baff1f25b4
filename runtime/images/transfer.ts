/** How fast bytes come: the rate of the last seconds, the time left, or for how long nothing has come. Pure. */
import { formatClock } from '../protocol/figures';

/** The rate is that of the last seconds: a mean over the whole would hide that it has slowed down. */
const RATE_WINDOW_MS = 4000;
/** Below this no rate is told. */
const RATE_LEAST_MS = 500;
/** Where nothing has come for so long, it stands still. Shorter than the window, so that no rate outlives its bytes. */
const STALLED_MS = 3000;
/** A time left beyond this is no help to anybody. */
const LEFT_MOST_S = 24 * 3600;
const MEGABYTE = 1_000_000;
const GIGABYTE = 1_000_000_000;

interface Sample {
  atMs: number;
  bytes: number;
}

export class Transfer {
  private samples: Sample[] = [];
  private movedAtMs: number;

  /** `atMs`: when it began, in monotonic ms as all times here. */
  constructor(atMs: number) {
    this.movedAtMs = atMs;
  }

  /** So many bytes have come in all. */
  note(bytes: number, atMs: number): void {
    const last = this.samples.at(-1);
    if (bytes !== (last?.bytes ?? 0)) this.movedAtMs = atMs;
    // A part that is fetched again has fewer than before.
    if (last !== undefined && bytes < last.bytes) this.samples = [];
    this.samples.push({ atMs, bytes });
    this.prune(atMs);
  }

  /** How long it has stood still, in ms; undefined while it goes. */
  stalledMs(atMs: number): number | undefined {
    const ms = atMs - this.movedAtMs;
    return ms < STALLED_MS ? undefined : ms;
  }

  /** Undefined while too little is known. */
  bytesPerSecond(atMs: number): number | undefined {
    this.prune(atMs);
    const [first, last] = [this.samples[0], this.samples.at(-1)];
    if (first === undefined || last === undefined) return undefined;
    const ms = atMs - Math.max(first.atMs, atMs - RATE_WINDOW_MS);
    return ms < RATE_LEAST_MS ? undefined : (last.bytes - first.bytes) / (ms / 1000);
  }

  /** `12 s left` for so many bytes, at the present rate; undefined where that tells nothing. */
  left(bytes: number, atMs: number): string | undefined {
    const rate = this.bytesPerSecond(atMs);
    if (bytes <= 0 || rate === undefined || rate <= 0 || this.stalledMs(atMs) !== undefined)
      return undefined;
    const seconds = Math.ceil(bytes / rate);
    return seconds > LEFT_MOST_S ? undefined : `${duration(seconds)} left`;
  }

  /**
   * Rate and time left, or that it has stalled. `leftBytes` are those that are known of; `atLeast`: there are
   * more. Where they are unknown altogether they are none, and no time is told.
   */
  speed(leftBytes: number, atMs: number, atLeast = false): string[] {
    const stalled = this.stalledMs(atMs);
    if (stalled !== undefined) return [`stalled for ${formatClock(stalled)}`];
    const rate = this.bytesPerSecond(atMs);
    if (rate === undefined) return [];
    const left = this.left(leftBytes, atMs);
    return [
      `${megabytes(rate)} MB/s`,
      ...(left === undefined ? [] : [atLeast ? `at least ${left}` : left]),
    ];
  }

  /** One sample from before the window says what had come when it opened. */
  private prune(atMs: number): void {
    const from = atMs - RATE_WINDOW_MS;
    const within = this.samples.findIndex((sample) => sample.atMs > from);
    const first = within === -1 ? this.samples.length - 1 : within - 1;
    if (first > 0) this.samples.splice(0, first);
  }
}

/** `312 of 797 MB`, `312 of at least 797 MB`, `797 MB` of what is there in full. */
export function sizes(bytes: number, total: number, atLeast = false): string {
  const unit = total >= GIGABYTE ? 'GB' : 'MB';
  const show = (value: number): string =>
    unit === 'GB' ? (value / GIGABYTE).toFixed(2) : megabytes(value);
  if (atLeast) return `${show(bytes)} of at least ${show(total)} ${unit}`;
  return bytes === total ? `${show(bytes)} ${unit}` : `${show(bytes)} of ${show(total)} ${unit}`;
}

function megabytes(bytes: number): string {
  const value = bytes / MEGABYTE;
  return value < 10 ? value.toFixed(1) : value.toFixed(0);
}

function duration(seconds: number): string {
  return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
