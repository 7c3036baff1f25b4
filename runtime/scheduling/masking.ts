/** Values of secrets in what a run shows, replaced before anything is kept or sent. Pure. */
import { isLongEnoughToHide as isLong } from '../protocol/resources';
import { HIDDEN } from './secrets';

const MARK = Buffer.from(HIDDEN);
const NEWLINE = 10;

/** A part of a text, from `start` up to and without `end`. */
interface Span {
  start: number;
  end: number;
}

/** What is hidden: the values, each of their lines, and how programs commonly write them. */
export class Masker {
  private readonly forms: readonly Buffer[];
  private readonly longest: number;

  constructor(values: Iterable<string>) {
    const forms = new Set([...values].flatMap(formsOf));
    this.forms = [...forms].map((form) => Buffer.from(form));
    this.longest = Math.max(0, ...this.forms.map((form) => form.byteLength));
  }

  /** True when nothing is to be hidden. */
  get empty(): boolean {
    return this.forms.length === 0;
  }

  /** A whole text with its secrets replaced. */
  text(text: string): string {
    const bytes = Buffer.from(text);
    if (this.spans(bytes, 0).length === 0) return text;
    const masking = new StreamMasker(this);
    return Buffer.concat([masking.push(bytes), masking.end()]).toString('utf8');
  }

  /** Any JSON value with the secrets of all its texts replaced, names of fields included. */
  value<T>(value: T): T {
    return this.masked(value) as T;
  }

  private masked(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((item) => this.masked(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [this.text(name), this.masked(item)]),
    );
  }

  /** @internal Where secrets lie, overlapping ones as one, in order. The first `covered` bytes count as one. */
  spans(bytes: Buffer, covered: number): Span[] {
    const found: Span[] = covered > 0 ? [{ start: 0, end: covered }] : [];
    for (const form of this.forms) {
      for (let at = bytes.indexOf(form); at !== -1; at = bytes.indexOf(form, at + 1)) {
        found.push({ start: at, end: at + form.byteLength });
      }
    }
    found.sort((a, b) => a.start - b.start);
    const merged: Span[] = [];
    for (const span of found) {
      const last = merged.at(-1);
      if (last !== undefined && span.start < last.end) last.end = Math.max(last.end, span.end);
      else merged.push(span);
    }
    return merged;
  }

  /** @internal Where the longest end of `bytes` begins that more bytes could make a secret; its length for none. */
  openFrom(bytes: Buffer): number {
    const line = bytes.lastIndexOf(NEWLINE) + 1;
    const first = Math.max(line, bytes.byteLength - this.longest + 1);
    for (let at = first; at < bytes.byteLength; at += 1) {
      const length = bytes.byteLength - at;
      for (const form of this.forms) {
        if (form.byteLength > length && form.compare(bytes, at, undefined, 0, length) === 0) {
          return at;
        }
      }
    }
    return bytes.byteLength;
  }
}

/** Masks a text that comes in pieces, wherever they are cut. Holds back only what may be the start of a secret. */
export class StreamMasker {
  private held: Buffer = Buffer.alloc(0);
  /** Bytes at the start of `held` that a mark stands for already. */
  private covered = 0;

  constructor(private masker: Masker) {}

  /** Hides what this one hides from here on: all that it did before, and more. */
  use(masker: Masker): void {
    this.masker = masker;
  }

  /** What can be shown now. */
  push(piece: Uint8Array): Buffer {
    return this.take(Buffer.concat([this.held, piece]), (bytes) => this.masker.openFrom(bytes));
  }

  /** What was held back: nothing more is coming. */
  end(): Buffer {
    return this.take(this.held, (bytes) => bytes.byteLength);
  }

  private take(bytes: Buffer, holdFrom: (bytes: Buffer) => number): Buffer {
    const until = holdFrom(bytes);
    const shown: Buffer[] = [];
    let at = 0;
    let covered = 0;
    for (const { start, end } of this.masker.spans(bytes, this.covered)) {
      const marked = start === 0 && this.covered > 0;
      if (start >= until && !marked) break;
      shown.push(bytes.subarray(at, start));
      if (!marked) shown.push(MARK);
      at = Math.min(end, until);
      covered = Math.max(0, end - until);
    }
    shown.push(bytes.subarray(at, until));
    this.held = bytes.subarray(until);
    this.covered = covered;
    return Buffer.concat(shown);
  }
}

function formsOf(value: string): string[] {
  const lines = value.split(/\r?\n/).flatMap((line) => [line, line.trim()]);
  const plain = lines.filter(isLong);
  const written = plain.flatMap((text) => [
    text,
    encodeURIComponent(text),
    JSON.stringify(text).slice(1, -1),
  ]);
  return [...written, ...base64Forms(value)].filter(isLong);
}

/** Of each of the three ways in which base64 can cut a text, the characters that depend on the text alone. */
function base64Forms(value: string): string[] {
  if (!isLong(value)) return [];
  return [0, 1, 2].flatMap((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)]);
    const before = Math.ceil((offset * 8) / 6);
    const whole = Math.floor((bytes.byteLength * 8) / 6);
    return (['base64', 'base64url'] as const).map((encoding) =>
      bytes.toString(encoding).slice(before, whole),
    );
  });
}
