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
/** What has to come of a body within each deadline. */
export const MIN_BYTES = 8 * 1024;

interface Waiting {
  timer: NodeJS.Timeout;
  /** Bytes that had come when the wait began. */
  bytes: number;
  /** Of a request whose body is still to come. */
  response: ServerResponse | undefined;
}

export class RequestDeadlines {
  private readonly waiting = new Map<Duplex, Waiting>();

  constructor(private readonly deadlineMs: number) {}

  /** Connections from which something is awaited. */
  get sockets(): Iterable<Duplex> {
    return this.waiting.keys();
  }

  /** A request is to come, from its first byte on. */
  await(socket: Socket): void {
    this.arm(socket, undefined);
  }

  /** A request's head has come; its body is to come. */
  began(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    this.arm(socket, response);
    request.once('end', () => this.disarm(socket));
    // Another request may come over the same connection.
    response.once('finish', () => {
      if (!socket.destroyed) this.await(socket);
    });
  }

  /** Nothing is awaited of it. */
  disarm(socket: Duplex): void {
    clearTimeout(this.waiting.get(socket)?.timer);
    this.waiting.delete(socket);
  }

  private arm(socket: Socket, response: ServerResponse | undefined): void {
    this.disarm(socket);
    const timer = setTimeout(() => this.late(socket), this.deadlineMs);
    this.waiting.set(socket, { timer, bytes: socket.bytesRead, response });
  }

  private late(socket: Socket): void {
    const { bytes = 0, response } = this.waiting.get(socket) ?? {};
    const came = socket.bytesRead - bytes;
    if (response !== undefined && !response.headersSent && came >= MIN_BYTES) {
      this.arm(socket, response);
      return;
    }
    this.disarm(socket);
    if (response === undefined && came > 0 && !socket.writableEnded) {
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
