/** What one run hides of what it prints and tells: the secrets of every function that it has called. */
import type { LogStreamName } from '../protocol/logChunks';
import { Masker, StreamMasker } from './masking';

export interface HeldOutput {
  stream: LogStreamName;
  bytes: Buffer;
}

export class RunMask {
  private readonly values = new Set<string>();
  /** None while nothing is to be hidden: other runs pay nothing. */
  private masker: Masker | undefined;
  private readonly streams = new Map<string, { stream: LogStreamName; masking: StreamMasker }>();

  /** Hides these values too, from here on. */
  hide(values: readonly string[]): void {
    if (values.every((value) => this.values.has(value))) return;
    for (const value of values) this.values.add(value);
    const masker = new Masker(this.values);
    if (masker.empty) return;
    this.masker = masker;
    for (const { masking } of this.streams.values()) masking.use(masker);
  }

  /** What can be shown of a piece of output; `source` tells apart what prints at the same time. */
  printed(stream: LogStreamName, source: string, bytes: Uint8Array): Uint8Array {
    if (this.masker === undefined) return bytes;
    const key = `${stream} ${source}`;
    let own = this.streams.get(key);
    if (own === undefined) {
      own = { stream, masking: new StreamMasker(this.masker) };
      this.streams.set(key, own);
    }
    return own.masking.push(bytes);
  }

  /** Output that was held back because more of it could have become a secret: none is coming. */
  rest(): HeldOutput[] {
    const rest = [...this.streams.values()].map(({ stream, masking }) => ({
      stream,
      bytes: masking.end(),
    }));
    this.streams.clear();
    return rest.filter(({ bytes }) => bytes.byteLength > 0);
  }

  /** An event or error with its secrets replaced. */
  told<T>(value: T): T {
    return this.masker === undefined ? value : this.masker.value(value);
  }
}
