/** Progress of a pull, out of the engine's events. Pure. */
import { formatClock } from '../../protocol/figures';
import { sizes, Transfer } from '../transfer';
import type { DockerEvent } from './dockerEvents';

interface Layer {
  /** Bytes that came over the network. */
  bytes: number;
  /** Size on the network; undefined until the engine tells. */
  total: number | undefined;
  /** Of its bytes, those that are unpacked. */
  extracted: number;
  state: 'waiting' | 'downloading' | 'downloaded' | 'extracting' | 'done';
}

/** Keeps what is known of each layer; one for each pull. */
export class PullProgressReader {
  private readonly layers = new Map<string, Layer>();
  private readonly coming: Transfer;
  private readonly unpacking: Transfer;

  /** `name` as people know it, such as `python:3.11-slim`. `atMs`: when the pull began. */
  constructor(
    private readonly name: string,
    atMs: number,
  ) {
    this.coming = new Transfer(atMs);
    this.unpacking = new Transfer(atMs);
  }

  /** One line of progress, or undefined where the event tells none. `atMs`: when it came. */
  event(event: DockerEvent, atMs: number): string | undefined {
    if (event.id === undefined || event.status === undefined) return undefined;
    if (!this.note(event.id, event.status, event.progressDetail)) return undefined;
    this.coming.note(this.sum('bytes'), atMs);
    this.unpacking.note(this.sum('extracted'), atMs);
    return this.line(atMs);
  }

  /** What is known at that time, also where no event has come for long. */
  line(atMs: number): string {
    const layers = [...this.layers.values()];
    const parts = [`pulling ${this.name}`];
    if (layers.length === 0) {
      const quiet = this.coming.stalledMs(atMs);
      if (quiet !== undefined) parts.push(`no answer for ${formatClock(quiet)}`);
      return parts.join(' · ');
    }
    const done = layers.filter(({ state }) => state === 'done').length;
    parts.push(`${done} of ${layers.length} layers`);
    const bytes = this.sum('bytes');
    const total = this.sum('total');
    const atLeast = layers.some((layer) => layer.total === undefined);
    if (bytes > 0) parts.push(sizes(bytes, total, atLeast));
    const fetching = layers.some(({ state }) => state === 'downloading' || state === 'waiting');
    if (fetching) parts.push(...this.coming.speed(total - bytes, atMs, atLeast));
    if (done < layers.length) parts.push(...this.extraction(layers, fetching, atMs));
    return parts.join(' · ');
  }

  private extraction(layers: readonly Layer[], fetching: boolean, atMs: number): string[] {
    const now = layers.filter(({ state }) => state === 'extracting');
    if (now.length === 0) return fetching ? [] : ['extracting'];
    const [done, total] = [add(now, 'extracted'), add(now, 'total')];
    const doing = done === 0 || total === 0 ? 'extracting' : `extracting ${sizes(done, total)}`;
    if (fetching) return [doing];
    // The engine tells nothing while it writes the last of a layer to its disk.
    const quiet = this.unpacking.stalledMs(atMs);
    if (quiet !== undefined) return [doing, `no news for ${formatClock(quiet)}`];
    const left = this.unpacking.left(this.sum('total') - this.sum('extracted'), atMs);
    return left === undefined ? [doing] : [doing, left];
  }

  /** False where the event is about something else than a layer. */
  private note(id: string, status: string, detail: DockerEvent['progressDetail']): boolean {
    const known = this.layers.get(id);
    const layer = known ?? { bytes: 0, total: undefined, extracted: 0, state: 'waiting' };
    // Engines that keep images in containerd count seconds while they extract.
    const counted = detail?.units === undefined ? detail : undefined;
    switch (status) {
      case 'Pulling fs layer':
      case 'Waiting':
        break;
      case 'Downloading':
        layer.state = 'downloading';
        layer.bytes = counted?.current ?? layer.bytes;
        if (counted?.total !== undefined && counted.total > 0) layer.total = counted.total;
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
        if (layer.bytes === 0) layer.bytes = layer.total = counted?.total ?? 0;
        layer.extracted = Math.min(counted?.current ?? layer.extracted, layer.bytes);
        break;
      case 'Pull complete':
      case 'Already exists':
        layer.state = 'done';
        layer.total ??= layer.bytes;
        layer.extracted = layer.total;
        break;
      default:
        // The layer's connection broke; the engine fetches it again in a moment.
        if (known === undefined || !status.startsWith('Retrying in ')) return false;
        layer.state = 'waiting';
    }
    this.layers.set(id, layer);
    return true;
  }

  private sum(what: 'bytes' | 'total' | 'extracted'): number {
    return add(this.layers.values(), what);
  }
}

function add(layers: Iterable<Layer>, what: 'bytes' | 'total' | 'extracted'): number {
  let sum = 0;
  for (const layer of layers) sum += layer[what] ?? 0;
  return sum;
}
