/** Progress of a pull, out of the engine's events. Pure. */
import type { DockerEvent } from './dockerEvents';

/** The rate is that of the last seconds: a mean over the whole pull would hide that it has stalled. */
const RATE_WINDOW_MS = 4000;
/** Below this no rate is told. */
const RATE_LEAST_MS = 500;
const MEGABYTE = 1_000_000;

interface Layer {
  /** Bytes that came over the network. */
  bytes: number;
  /** Size on the network; undefined until the engine tells. */
  total: number | undefined;
  state: 'waiting' | 'downloading' | 'downloaded' | 'extracting' | 'done';
}

interface Sample {
  atMs: number;
  bytes: number;
}

/** Keeps what is known of each layer; one for each pull. */
export class PullProgressReader {
  private readonly layers = new Map<string, Layer>();
  private samples: Sample[] = [];

  /** `name` as people know it, such as `python:3.11-slim`. */
  constructor(private readonly name: string) {}

  /** One line of progress, or undefined where the event tells none. `atMs`: when it came. */
  event(event: DockerEvent, atMs: number): string | undefined {
    if (event.id === undefined || event.status === undefined) return undefined;
    if (!this.note(event.id, event.status, event.progressDetail)) return undefined;
    this.samples.push({ atMs, bytes: this.sum('bytes') });
    this.samples = this.samples.filter((sample) => sample.atMs >= atMs - RATE_WINDOW_MS);
    return this.line();
  }

  /** False where the event is about something else than a layer. */
  private note(id: string, status: string, detail: DockerEvent['progressDetail']): boolean {
    const layer = this.layers.get(id) ?? { bytes: 0, total: undefined, state: 'waiting' };
    switch (status) {
      case 'Pulling fs layer':
      case 'Waiting':
        break;
      case 'Downloading':
        layer.state = 'downloading';
        layer.bytes = detail?.current ?? layer.bytes;
        if (detail?.total !== undefined && detail.total > 0) layer.total = detail.total;
        break;
      case 'Verifying Checksum':
      case 'Download complete':
        layer.state = 'downloaded';
        // The engine tells no size of a layer that came in one piece.
        layer.bytes = layer.total ?? layer.bytes;
        layer.total = layer.bytes;
        break;
      case 'Extracting':
        layer.state = 'extracting';
        // A layer that came in one piece: its size is told only now.
        if (layer.bytes === 0) layer.bytes = layer.total = detail?.total ?? 0;
        break;
      case 'Pull complete':
      case 'Already exists':
        layer.state = 'done';
        layer.total ??= layer.bytes;
        break;
      default:
        return false;
    }
    this.layers.set(id, layer);
    return true;
  }

  private line(): string {
    const layers = [...this.layers.values()];
    const done = layers.filter((layer) => layer.state === 'done').length;
    const parts = [`pulling ${this.name}`, `${done} of ${layers.length} layers`];
    const bytes = this.sum('bytes');
    const known = layers.every((layer) => layer.total !== undefined);
    const total = known ? this.sum('total') : undefined;
    if (bytes > 0) parts.push(sizes(bytes, total));
    if (layers.some((layer) => layer.state === 'downloading' || layer.state === 'waiting')) {
      const rate = this.bytesPerSecond();
      if (rate !== undefined) parts.push(`${megabytes(rate)} MB/s`);
      if (rate !== undefined && rate > 0 && total !== undefined) {
        parts.push(`${duration((total - bytes) / rate)} left`);
      }
    } else if (done < layers.length) parts.push('extracting');
    return parts.join(' · ');
  }

  private bytesPerSecond(): number | undefined {
    const [first, last] = [this.samples[0], this.samples.at(-1)];
    if (first === undefined || last === undefined) return undefined;
    const seconds = (last.atMs - first.atMs) / 1000;
    return seconds * 1000 < RATE_LEAST_MS ? undefined : (last.bytes - first.bytes) / seconds;
  }

  private sum(what: 'bytes' | 'total'): number {
    let sum = 0;
    for (const layer of this.layers.values()) sum += layer[what] ?? 0;
    return sum;
  }
}

function sizes(bytes: number, total: number | undefined): string {
  return total === undefined || total === bytes
    ? `${megabytes(bytes)} MB`
    : `${megabytes(bytes)} of ${megabytes(total)} MB`;
}

function megabytes(bytes: number): string {
  const value = bytes / MEGABYTE;
  return value < 10 ? value.toFixed(1) : value.toFixed(0);
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 90 ? `${whole} s` : `${Math.round(whole / 60)} min`;
}
