/** Messages of the Debug Adapter Protocol to bytes and back, whatever pieces the bytes come in. Pure. */
import { VelarError } from '../../../runtime/protocol/errors';
import { isDapMessage, type DapMessage } from './dap';

/** A header is a few dozen bytes: what goes on for longer is no header. */
const MAX_HEADER_BYTES = 4096;
/** Far above any message of a debugger; what claims more would only eat memory. */
const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;
const HEADER_END = '\r\n\r\n';

export function encodeMessage(message: object): Uint8Array {
  const body = Buffer.from(JSON.stringify(message));
  return Buffer.concat([Buffer.from(`Content-Length: ${String(body.byteLength)}\r\n\r\n`), body]);
}

/** Puts messages together. Throws `protocol` for bytes that are none. */
export class MessageReader {
  private readonly pieces: Uint8Array[] = [];
  private held = 0;
  /** Bytes of the message whose header has been read. */
  private expected: number | undefined;

  /** Every message that is complete with these bytes, in order. */
  push(bytes: Uint8Array): DapMessage[] {
    this.pieces.push(bytes);
    this.held += bytes.byteLength;
    const messages: DapMessage[] = [];
    for (let next = this.next(); next !== undefined; next = this.next()) messages.push(next);
    return messages;
  }

  private next(): DapMessage | undefined {
    this.expected ??= this.header();
    if (this.expected === undefined || this.held < this.expected) return undefined;
    const body = this.take(this.expected);
    this.expected = undefined;
    return parse(body.toString('utf8'));
  }

  private header(): number | undefined {
    if (this.held === 0) return undefined;
    const all = this.all();
    const end = all.subarray(0, MAX_HEADER_BYTES).indexOf(HEADER_END);
    if (end < 0) {
      if (this.held >= MAX_HEADER_BYTES) throw strange('a header that does not end');
      return undefined;
    }
    const header = this.take(end + HEADER_END.length).toString('latin1');
    const length = Number(/^content-length:\s*(\d+)\s*$/im.exec(header)?.[1] ?? NaN);
    if (!(length <= MAX_MESSAGE_BYTES)) throw strange('a header without a usable length');
    return length;
  }

  private take(bytes: number): Buffer {
    const all = this.all();
    this.pieces[0] = all.subarray(bytes);
    this.held -= bytes;
    return all.subarray(0, bytes);
  }

  /** What is held, as one piece. */
  private all(): Buffer {
    const [first] = this.pieces;
    const all =
      this.pieces.length === 1 && first !== undefined
        ? Buffer.from(first.buffer, first.byteOffset, first.byteLength)
        : Buffer.concat(this.pieces);
    this.pieces.splice(0, this.pieces.length, all);
    return all;
  }
}

function parse(text: string): DapMessage {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch (cause) {
    throw strange('a message that is no JSON', cause);
  }
  if (!isDapMessage(message)) throw strange('a message of no known type');
  return message;
}

function strange(what: string, cause?: unknown): VelarError {
  return new VelarError('protocol', `The debugger in the container sent ${what}.`, {
    hint: 'Debug again; if it happens every time, report it.',
    ...(cause === undefined ? {} : { cause }),
  });
}
