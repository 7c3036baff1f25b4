/** JSON over HTTP: reading a request's body under a limit, sending an answer. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { VelarError } from '../protocol/errors';
import { watchStall } from './stalls';

const MIB = 1024 * 1024;
/** Shorter answers fit into what the system takes of a connection at once. */
const LARGE_CHARACTERS = 64 * 1024;

/** Undefined for an empty body. Throws `too-large`, `invalid`. */
export async function readJson(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(request, maxBytes);
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Left early, the iterator must not close the connection: the answer goes over it.
  const body = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw tooLarge(request, maxBytes);
    chunks.push(chunk);
  }
  if (bytes === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch (cause) {
    throw new VelarError('invalid', 'The request is no JSON.', { cause });
  }
}

/** What is still coming is dropped: most clients read no answer before they have sent everything. */
function tooLarge(request: IncomingMessage, maxBytes: number): VelarError {
  request.resume();
  const limit = maxBytes >= MIB ? `${maxBytes / MIB} MiB` : `${maxBytes} bytes`;
  return new VelarError('too-large', `The request is too large: it may have at most ${limit}.`);
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  if (response.destroyed || response.headersSent) return;
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(text);
  if (text.length < LARGE_CHARACTERS) return;
  const stop = watchStall(response, () => response.destroy());
  response.once('close', stop);
}
