/**
 * Deadlines of connections. A request's head has to be whole in time; its body may take longer as long as it comes
 * on: a slow line is no fault, and a peer that only drips can't hold a connection open. Who is late is told so.
 */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { VelarError } from '../protocol/errors';
import { sendJson } from './http';

export const DEADLINE_MS = 15_000;
/** How long clients are told that a connection stays open between requests: as long as proxies commonly keep theirs. */
export const TOLD_IDLE_MS = 60_000;
/** How long it does: who keeps to what was told never sends a request into a connection that is being closed. */
const IDLE_MS = TOLD_IDLE_MS + 10_000;
/** What has to come of a body within each deadline. */
export const MIN_BYTES = 8 * 1024;

interface Waiting {
  timer: NodeJS.Timeout;
  /** Bytes that had come when the wait began. */
  bytes: number;
  /** Of a request whose body is still to come. */
  response: ServerResponse | undefined;
  /** Something of the request's head has come. */
  begun: boolean;
}

export class RequestDeadlines {
  private readonly waiting = new Map<Duplex, Waiting>();
  /** Requests of a connection that are not over: a client may send the next before it has the answer. */
  private readonly inHand = new WeakMap<Duplex, number>();

  constructor(
    private readonly deadlineMs: number,
    private readonly idleMs = IDLE_MS,
  ) {}

  /** Connections from which something is awaited. */
  get sockets(): Iterable<Duplex> {
    return this.waiting.keys();
  }

  /** The first request of a connection is to come. */
  await(socket: Socket): void {
    this.arm(socket, undefined);
  }

  /** A request's head has come; its body is to come. */
  began(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    this.inHand.set(socket, (this.inHand.get(socket) ?? 0) + 1);
    this.arm(socket, response);
    let left = 2;
    const over = (): void => {
      left -= 1;
      if (left === 0) this.handled(socket);
    };
    request.once('end', () => {
      if (this.waiting.get(socket)?.response === response) this.disarm(socket);
      over();
    });
    response.once('close', over);
  }

  /** Nothing is awaited of it. */
  disarm(socket: Duplex): void {
    clearTimeout(this.waiting.get(socket)?.timer);
    this.waiting.delete(socket);
  }

  /** A request is answered and has come whole: another may come over the same connection. */
  private handled(socket: Socket): void {
    const left = (this.inHand.get(socket) ?? 1) - 1;
    this.inHand.set(socket, left);
    if (left > 0 || socket.destroyed) return;
    // Node would close the connection by a timer of its own, without a look at what has come by then.
    socket.setTimeout(0);
    this.arm(socket, undefined, this.idleMs);
  }

  private arm(
    socket: Socket,
    response: ServerResponse | undefined,
    ms = this.deadlineMs,
    begun = false,
  ): void {
    this.disarm(socket);
    const waiting = {
      // Timers come before sockets are read: what lies with the system by now is in time.
      timer: setTimeout(() => {
        setImmediate(() => {
          if (this.waiting.get(socket) === waiting) this.late(socket, waiting);
        });
      }, ms),
      bytes: socket.bytesRead,
      response,
      begun,
    };
    this.waiting.set(socket, waiting);
  }

  private late(socket: Socket, { bytes, response, begun }: Waiting): void {
    const came = socket.bytesRead - bytes;
    if (response !== undefined && came >= MIN_BYTES) {
      this.arm(socket, response);
      return;
    }
    // The time before a head's first byte is none of its own.
    if (response === undefined && came > 0 && !begun) {
      this.arm(socket, undefined, this.deadlineMs, true);
      return;
    }
    this.disarm(socket);
    if (response === undefined && begun && !socket.writableEnded) {
      socket.end(rawAnswer(this.tooSlow('The request’s head')));
    } else if (response?.headersSent === false) {
      const error = this.tooSlow('The request’s body');
      sendJson(response, 408, { error: error.toWire() }, { connection: 'close' });
    } else {
      socket.destroy();
      return;
    }
    // It has the answer, or never takes it.
    const over = setTimeout(() => socket.destroy(), this.deadlineMs);
    socket.once('close', () => clearTimeout(over));
  }

  private tooSlow(what: string): VelarError {
    const seconds = this.deadlineMs / 1000;
    return new VelarError('invalid', `${what} did not come within ${seconds} s.`, {
      hint: `Send it again. A body may be slow, but at least ${MIN_BYTES} bytes have to come every ${seconds} s.`,
    });
  }
}

function rawAnswer(error: VelarError): string {
  const text = JSON.stringify({ error: error.toWire() });
  return (
    `HTTP/1.1 408 ${STATUS_CODES[408] ?? ''}\r\ncontent-type: application/json\r\nconnection: close\r\n` +
    `content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
  );
}
