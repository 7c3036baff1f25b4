/** Carries what a local process prints to a run's log, whole lines where it can. */
import type { Readable } from 'node:stream';
import { MAX_DATA_BYTES } from '../../runtime/protocol/flow';
import type { ClientStream } from './api';

/** A piece of a line waits this long for its rest, as it does in a worker. */
const REST_WITHIN_MS = 100;
const NEWLINE = 10;
const NOTHING = Buffer.alloc(0);

/**
 * Sends everything from the pipe, each payload with one byte for the descriptor in front. Resolves at the
 * pipe's end; reads no further while the stream has no credit. Throws `session-lost`.
 */
export async function relayOutput(
  pipe: Readable,
  descriptor: 1 | 2,
  output: ClientStream,
): Promise<void> {
  let held: Buffer = NOTHING;
  let late: NodeJS.Timeout | undefined;
  let sending = Promise.resolve();
  const release = (bytes: number): void => {
    const piece = held.subarray(0, bytes);
    held = held.subarray(bytes);
    if (piece.byteLength === 0) return;
    sending = sending.then(() => send(piece, descriptor, output));
    // It is awaited below, but perhaps only once the process prints again.
    sending.catch(() => undefined);
  };
  try {
    for await (const chunk of pipe as AsyncIterable<Buffer>) {
      clearTimeout(late);
      held = held.byteLength === 0 ? chunk : Buffer.concat([held, chunk]);
      release(held.byteLength >= MAX_DATA_BYTES ? held.byteLength : held.lastIndexOf(NEWLINE) + 1);
      if (held.byteLength > 0) {
        late = setTimeout(() => {
          release(held.byteLength);
        }, REST_WITHIN_MS);
      }
      await sending;
    }
  } finally {
    clearTimeout(late);
  }
  release(held.byteLength);
  await sending;
}

/** Prints lines of our own into the same log, on stderr. Throws `session-lost`. */
export function printOwn(text: string, output: ClientStream): Promise<void> {
  return send(Buffer.from(text), 2, output);
}

async function send(bytes: Buffer, descriptor: 1 | 2, output: ClientStream): Promise<void> {
  for (let offset = 0; offset < bytes.byteLength; offset += MAX_DATA_BYTES - 1) {
    const piece = bytes.subarray(offset, offset + MAX_DATA_BYTES - 1);
    await output.write(Buffer.concat([Buffer.of(descriptor), piece]));
  }
}
