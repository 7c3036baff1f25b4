/** Requests of the page to the runtime that served it. The key goes into a header and nowhere else. */
import type { EndpointAddress } from './address';
import { EventReader } from './events';
import { failureOf, type Failure } from './failures';

export interface Answer {
  readonly status: number;
  /** Of the run; empty where none began. */
  readonly requestId: string;
}

export interface CallListener {
  answered(answer: Answer): void;
  /** JSON of an item of a stream. */
  item(json: string): void;
  /** JSON of a whole result. */
  result(json: string): void;
  failed(failure: Failure): void;
}

/** The app's OpenAPI document. Resolves with a failure where there is none; rejects only when aborted. */
export async function loadDocument(
  { documentPath }: EndpointAddress,
  key: string,
  signal: AbortSignal,
): Promise<{ document: unknown; text: string } | { failure: Failure }> {
  const response = await request(documentPath, key, { signal });
  if (!(response instanceof Response)) return response;
  const text = await response.text();
  if (!response.ok) return { failure: failureIn(response, text) };
  return { document: JSON.parse(text) as unknown, text };
}

/** Resolves at the end of the answer; rejects only when aborted, which cancels the call. */
export async function callFunction(
  { path }: EndpointAddress,
  key: string,
  body: string,
  signal: AbortSignal,
  listener: CallListener,
): Promise<void> {
  const response = await request(path, key, { method: 'POST', body, signal });
  if (!(response instanceof Response)) {
    listener.failed(response.failure);
    return;
  }
  const requestId = response.headers.get('velar-request-id') ?? '';
  listener.answered({ status: response.status, requestId });
  const streams = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  if (streams && response.body !== null) {
    await readStream(response.body, listener);
    return;
  }
  const text = await response.text();
  if (response.ok) listener.result(text);
  else listener.failed(failureIn(response, text));
}

async function readStream(body: ReadableStream<Uint8Array>, listener: CallListener): Promise<void> {
  const events = new EventReader();
  const pieces = body.pipeThrough(
    new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>,
  );
  const reader = pieces.getReader();
  let ended = false;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    for (const { name, data } of events.read(next.value)) {
      if (name === 'item') listener.item(data);
      else if (name === 'error') listener.failed(failureOf(0, data, null));
      if (name === 'error' || name === 'end') ended = true;
    }
  }
  if (!ended) {
    const hint = 'What came before it is shown. Call again.';
    listener.failed({ message: 'The stream broke off.', hint });
  }
}

/** Rejects only when aborted. */
async function request(
  path: string,
  key: string,
  init: RequestInit & { signal: AbortSignal },
): Promise<Response | { failure: Failure }> {
  try {
    return await fetch(path, {
      ...init,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
    });
  } catch (error) {
    if (init.signal.aborted) throw error;
    const hint = 'Check that it is running, and reload this page.';
    return { failure: { message: 'The runtime can’t be reached.', hint } };
  }
}

function failureIn(response: Response, text: string): Failure {
  return failureOf(response.status, text, response.headers.get('retry-after'));
}
