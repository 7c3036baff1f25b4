/** The runtime's one port: HTTP(S) for pairing, WebSocket for everything else, the gate in front of both. */
import { createServer, STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Environment } from '../protocol/deployments';
import { isNodeError, VelarError } from '../protocol/errors';
import { corsHeaders, preflightHeaders } from './crossOrigin';
import { allowedOrigin, decide, isLoopback, type GateDecision, type GateRules } from './gate';
import { readJson, sendJson } from './http';
import type { Logger } from './logger';
import { DEADLINE_MS, RequestDeadlines, TOLD_IDLE_MS } from './requestDeadlines';
import type { TlsIdentity } from './tls';
import { acceptLink, type LinkAcceptor } from './linkSocket';

export interface ListenerOptions {
  host: string;
  /** 0 lets the system choose. */
  port: number;
  tls: Pick<TlsIdentity, 'key' | 'certificate'> | undefined;
  /** Asked for each request: hosts and credentials change while the runtime runs. */
  rules: () => GateRules;
  links: LinkAcceptor;
  /** Body of a pairing request, parsed; the answer is sent as JSON. Throws VelarError. */
  pair: (body: unknown) => unknown;
  /** Sends the page to try a function. */
  page: (response: ServerResponse) => void;
  /** Answers a call of what an environment serves; never rejects. */
  endpoint: (
    request: IncomingMessage,
    response: ServerResponse,
    environment: Environment,
  ) => Promise<void>;
  logger: Logger;
  /** For a connection to become a link or be answered, in ms. */
  deadlineMs?: number;
}

export interface Listener {
  readonly port: number;
  /** Takes no more connections and closes those that are not links. */
  close(): Promise<void>;
}

/** More than calls of one function may wait, see endpoints.ts: who is over that limit is to be told so. */
const MAX_CONNECTIONS = 4096;
const MAX_PAIR_BODY_BYTES = 4096;
/** Largest message of a client: a bundle's full list of files is the largest that there is. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
/** Node checks connections with a timer that never rests; each connection has a deadline of its own instead. */
const NEVER_MS = 2 ** 31 - 1;

/** Opens the port. Throws `conflict` when it is taken, `invalid` for an address that is not this machine's. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const deadlines = new RequestDeadlines(options.deadlineMs ?? DEADLINE_MS);
  const limits = {
    maxHeaderSize: 16 * 1024,
    connectionsCheckingInterval: NEVER_MS,
    keepAliveTimeout: TOLD_IDLE_MS,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    noDelay: true,
  };
  const { tls } = options;
  const server =
    tls === undefined
      ? createServer(limits)
      : createSecureServer({
          ...limits,
          key: tls.key,
          cert: tls.certificate,
          minVersion: 'TLSv1.2',
          handshakeTimeout: 10_000,
        });
  server.maxConnections = MAX_CONNECTIONS;
  server.maxHeadersCount = 64;
  const websockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
  });

  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    deadlines.await(socket);
    socket.once('close', () => deadlines.disarm(socket));
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    deadlines.began(request, response);
    void answer(request, response, options);
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', () => {
      socket.destroy();
    });
    const decision = decideFor(request, true, options);
    if (decision.kind !== 'link') {
      refuseUpgrade(socket, decision);
      return;
    }
    websockets.handleUpgrade(request, socket, head, (websocket) => {
      deadlines.disarm(socket);
      acceptLink(websocket, socket, decision.principal, options.links);
    });
  });
  server.on('clientError', (_error: Error, socket: Duplex) => {
    socket.destroy();
  });
  server.on('tlsClientError', (error: Error) => {
    options.logger.debug('TLS handshake failed', { reason: error.message });
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(listenError(error, options));
    });
    server.listen({ host: options.host, port: options.port }, resolve);
  });
  server.removeAllListeners('error');
  server.on('error', (error) => {
    options.logger.error('The port failed', { reason: error.message });
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of deadlines.sockets) socket.destroy();
        server.closeAllConnections();
      }),
  };
}

function decideFor(
  request: IncomingMessage,
  upgrade: boolean,
  { rules, logger }: ListenerOptions,
): GateDecision {
  const decision = decide(
    {
      upgrade,
      method: request.method ?? '',
      url: request.url ?? '',
      host: request.headers.host,
      origin: request.headers.origin,
      authorization: request.headers.authorization,
      accept: request.headers.accept,
      loopback: isLoopback(request.socket.remoteAddress),
    },
    rules(),
  );
  if (decision.kind === 'refuse') {
    const peer = request.socket.remoteAddress;
    logger.warn('Refused', { status: decision.status, reason: decision.error.message, peer });
  }
  return decision;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: ListenerOptions,
): Promise<void> {
  const decision = decideFor(request, false, options);
  const { origin } = request.headers;
  const allowed = origin === undefined ? undefined : allowedOrigin({ origin }, options.rules());
  // Who was refused as a page learns nothing, not even that.
  if (allowed !== undefined && !(decision.kind === 'refuse' && decision.status === 403)) {
    response.setHeaders(new Map(Object.entries(corsHeaders(allowed))));
  }
  if (decision.kind === 'preflight') {
    response.writeHead(204, preflightHeaders()).end();
    return;
  }
  if (decision.kind === 'endpoint') {
    await options.endpoint(request, response, decision.environment);
    return;
  }
  if (decision.kind === 'page') {
    options.page(response);
    return;
  }
  if (decision.kind !== 'pair') {
    send(response, ...refusal(decision));
    return;
  }
  try {
    send(response, 200, options.pair(await readJson(request, MAX_PAIR_BODY_BYTES)));
  } catch (error) {
    const failure = VelarError.from(error);
    const status = { unauthorised: 401, invalid: 400, 'too-large': 413 }[failure.code as string];
    send(response, status ?? 500, failure.toWire());
  }
}

function refusal(decision: GateDecision): [number, unknown] {
  if (decision.kind === 'refuse') return [decision.status, decision.error.toWire()];
  return [426, new VelarError('invalid', 'This address speaks WebSocket.').toWire()];
}

/** Nothing else is to come over this connection. */
function send(response: ServerResponse, status: number, body: unknown): void {
  sendJson(response, status, body, { connection: 'close' });
}

function refuseUpgrade(socket: Duplex, decision: GateDecision): void {
  const [status, body] = refusal(decision);
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ''}\r\n` +
      'content-type: application/json\r\nconnection: close\r\n' +
      `content-length: ${String(Buffer.byteLength(text))}\r\n\r\n${text}`,
  );
}

function listenError(error: Error, { host, port }: ListenerOptions): VelarError {
  const where = `${host}:${String(port)}`;
  const code = isNodeError(error) ? error.code : undefined;
  if (code === 'EADDRINUSE') {
    return new VelarError('conflict', `Port ${where} is taken by another program.`, {
      hint: 'Choose another with --port, or 0 for any free one.',
      cause: error,
    });
  }
  if (code === 'EACCES') {
    return new VelarError('invalid', `Port ${where} needs more rights than this user has.`, {
      hint: 'Choose a port above 1023.',
      cause: error,
    });
  }
  return new VelarError('invalid', `Can't listen on ${where}: ${error.message}.`, {
    hint: 'Choose an address of this machine, such as 127.0.0.1.',
    cause: error,
  });
}
