/** How endpoints answer: a result in one piece, items as events, errors with their status. */
import type { ServerResponse } from 'node:http';
import type { VelarError } from '../protocol/errors';
import type { RunEvent } from '../protocol/events';
import type { RunError } from '../protocol/values';
import { sendJson } from './http';
import { serverTiming } from './serverTiming';
import { STALLED_MS, watchStall } from './stalls';

const RETRY_AFTER_S = 1;

/** The result in one piece. */
export class WholeAnswer {
  private readonly events: RunEvent[] = [];

  constructor(
    private readonly response: ServerResponse,
    private readonly run: string,
  ) {}

  take(event: RunEvent): void {
    if (event.type === 'phase' || event.type === 'result' || event.type === 'error') {
      this.events.push(event);
    }
    if (event.type !== 'ended') return;
    const headers = { 'velar-request-id': this.run, 'server-timing': serverTiming(this.events) };
    const error = this.events.find((each) => each.type === 'error')?.error;
    const result = this.events.find((each) => each.type === 'result')?.result;
    if (error !== undefined) sendError(this.response, error, headers);
    else if (result === undefined) sendJson(this.response, 200, null, headers);
    else sendJson(this.response, 200, 'value' in result ? result.value : result, headers);
  }
}

/** Unsent bytes from which on the function is made to wait. */
const HOLD_BYTES = 256 * 1024;
/** Unsent bytes that are held for a client where the function can't wait. */
export const MAX_UNSENT_BYTES = 16 * 1024 * 1024;

/** The code that makes the items. */
export interface ItemSource {
  /** Lets it wait, or go on. False where it can't wait. */
  hold(held: boolean): boolean;
  /** Ends it, with a sentence of why. */
  giveUp(reason: string): void;
}

/** Items as they are made: an event each, then `end` or `error`. No faster than the client takes them in. */
export class StreamAnswer {
  private stopWatching: (() => void) | undefined;
  private held = false;

  constructor(
    private readonly response: ServerResponse,
    private readonly run: string,
    private readonly source: ItemSource,
  ) {}

  take(event: RunEvent): void {
    const { response, run } = this;
    if (response.destroyed) return;
    if (event.type === 'error' && !response.headersSent) {
      sendError(response, event.error, { 'velar-request-id': run });
      return;
    }
    if (event.type !== 'yield' && event.type !== 'error' && event.type !== 'ended') return;
    if (!response.headersSent) {
      response.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'velar-request-id': run,
      });
    }
    if (event.type === 'yield') {
      const { item } = event;
      this.write('item', 'value' in item ? item.value : item, event.index);
      if (response.writableLength >= HOLD_BYTES) this.waitForClient();
    } else if (event.type === 'error') {
      this.write('error', errorBody(event.error));
    } else if (!response.writableEnded) {
      if (event.status === 'succeeded') this.write('end', {});
      this.watch();
      response.end();
    }
  }

  private waitForClient(): void {
    const { response, source } = this;
    if (this.stopWatching === undefined) {
      this.watch();
      response.once('drain', () => {
        this.unwatch();
        this.held = false;
        source.hold(false);
      });
    }
    this.held ||= source.hold(true);
    if (this.held || response.writableLength <= MAX_UNSENT_BYTES) return;
    this.giveUp(
      `The client read too slowly: ${MAX_UNSENT_BYTES / 1024 ** 2} MiB of items waited for it, and the function can’t wait beside other calls.`,
    );
  }

  private watch(): void {
    this.stopWatching ??= watchStall(this.response, () => {
      this.giveUp(`The client read nothing for ${STALLED_MS / 1000} s.`);
    });
    this.response.once('close', () => this.unwatch());
  }

  private unwatch(): void {
    this.stopWatching?.();
    this.stopWatching = undefined;
  }

  private giveUp(reason: string): void {
    this.source.giveUp(reason);
    this.response.destroy();
  }

  private write(name: string, data: unknown, id?: number): void {
    const number = id === undefined ? '' : `id: ${id}\n`;
    this.response.write(`event: ${name}\n${number}data: ${JSON.stringify(data)}\n\n`);
  }
}

/** Status of a failure that is the platform's or the function's. */
const STATUS: Readonly<Record<RunError['kind'], number>> = {
  user: 500,
  oom: 500,
  'gpu-oom': 500,
  image: 503,
  capacity: 503,
  infrastructure: 503,
  cancelled: 503,
  timeout: 504,
};

function sendError(
  response: ServerResponse,
  error: RunError,
  headers: Record<string, string>,
): void {
  const status = STATUS[error.kind];
  const told = error.details?.['retryAfterS'];
  const again = typeof told === 'number' ? told : RETRY_AFTER_S;
  const retry = status === 503 ? { 'retry-after': String(again) } : {};
  sendJson(response, status, { error: errorBody(error) }, { ...headers, ...retry });
}

/** What a caller may know: no traceback, which tells of the code. */
export function errorBody({ kind, type, message, hint }: RunError): object {
  return { kind, type, message, hint };
}

/** What the request asked for can't be. */
export function refuse(response: ServerResponse, error: VelarError): void {
  const known: Partial<Record<string, number>> = {
    'not-found': 404,
    invalid: 400,
    'too-large': 413,
    unsupported: 405,
    conflict: 409,
    'disk-full': 503,
    cancelled: 503,
  };
  const status = error.details?.['status'] ?? known[error.code] ?? 500;
  const told = error.details?.['retryAfterS'];
  const again = typeof told === 'number' ? told : status === 503 ? RETRY_AFTER_S : undefined;
  const retry = again === undefined ? undefined : { 'retry-after': String(again) };
  sendJson(response, Number(status), { error: error.toWire() }, retry);
}
