/** One WebSocket to a runtime, from its opening to its end. Sessions and numbering are the connection's. */
import type { IncomingMessage } from 'node:http';
import { connect as connectTcp } from 'node:net';
import WebSocket from 'ws';
import { VelarError, wireErrorSchema } from '../../runtime/protocol/errors';
import { linkMessageSchema, type Hello, type Welcome } from '../../runtime/protocol/link';
import { LINK_PATH, PROTOCOL_VERSION } from '../../runtime/protocol/version';
import type { RuntimeAddress } from './api';
import { connectSecurely, unreachable } from './tls';

export interface LinkEvents {
  /** First, once. */
  welcome(welcome: Welcome): void;
  /** A sequenced frame as it came. */
  text(frame: string): void;
  binary(frame: Buffer): void;
  pong(): void;
  /** Last, once, whatever the cause; nothing comes after it. */
  closed(error: VelarError): void;
}

/**
 * VS Code opens every extension's HTTP requests itself, for its proxies, and so would drop our connector with
 * the check of the certificate. Requests to a local socket it leaves alone: as such they reach the connector.
 */
const OWN_CONNECTION = 'ws+unix:/runtime:';
const HANDSHAKE_MS = 10_000;
const CLOSE_MS = 1_000;
const NORMAL_CLOSURE = 1000;

export class Link {
  private readonly socket: WebSocket;
  private welcomed = false;
  private ended = false;
  private readonly where: string;
  /** The runtime says hello within this time or is taken for unreachable. */
  private readonly handshake: NodeJS.Timeout;

  constructor(
    address: RuntimeAddress,
    hello: Hello,
    private readonly events: LinkEvents,
  ) {
    const url = new URL(LINK_PATH, address.url);
    this.where = url.host;
    this.socket = new WebSocket(OWN_CONNECTION + LINK_PATH, {
      headers: { host: url.host, authorization: `Bearer ${address.token}` },
      perMessageDeflate: false,
      maxPayload: 64 * 1024 * 1024,
      createConnection: connector(url, address) as unknown as typeof connectTcp,
    });
    this.handshake = setTimeout(() => {
      this.fail(unreachable(this.where, new Error('no answer within 10 s')));
    }, HANDSHAKE_MS);
    this.socket.on('open', () => {
      this.socket.send(JSON.stringify(hello));
    });
    this.socket.on('message', (data, isBinary) => {
      this.received(data as Buffer, isBinary);
    });
    this.socket.on('pong', () => {
      this.events.pong();
    });
    this.socket.on('unexpected-response', (_request, response) => {
      void refusal(response, this.where).then((error) => {
        this.fail(error);
      });
    });
    this.socket.on('error', (error) => {
      this.fail(error instanceof VelarError ? error : unreachable(this.where, error));
    });
    this.socket.on('close', (code, reason) => {
      this.fail(
        new VelarError(
          'unreachable',
          `The connection to ${this.where} broke (${String(code)}${reason.length > 0 ? `, ${reason.toString()}` : ''}).`,
          { hint: 'Check that the runtime is still running.' },
        ),
      );
    });
  }

  send(frame: string | Buffer): void {
    if (!this.ended && this.welcomed) this.socket.send(frame);
  }

  ping(): void {
    if (!this.ended && this.welcomed) this.socket.ping();
  }

  /** Ends it with an error of ours. */
  fail(error: VelarError): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.handshake);
    this.socket.terminate();
    this.events.closed(error);
  }

  /** Says goodbye, so that the runtime doesn't wait for us to come back. Frames sent before are delivered. */
  async close(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.handshake);
    await new Promise<void>((resolve) => {
      const late = setTimeout(() => {
        this.socket.terminate();
      }, CLOSE_MS);
      this.socket.once('close', () => {
        clearTimeout(late);
        resolve();
      });
      this.socket.close(NORMAL_CLOSURE);
    });
  }

  private received(data: Buffer, isBinary: boolean): void {
    if (this.ended) return;
    try {
      if (!this.welcomed) {
        this.expectWelcome(data.toString());
      } else if (isBinary) {
        this.events.binary(data);
      } else {
        this.events.text(data.toString());
      }
    } catch (error) {
      this.fail(VelarError.from(error, 'protocol'));
    }
  }

  private expectWelcome(text: string): void {
    const message = linkMessageSchema.safeParse(parseJson(text));
    if (message.success && message.data.link === 'refused') {
      throw VelarError.fromWire(message.data.error);
    }
    if (!message.success || message.data.link !== 'welcome') {
      throw new VelarError('protocol', `${this.where} answers, but not as a Velar runtime.`);
    }
    if (message.data.protocol !== PROTOCOL_VERSION) {
      throw new VelarError(
        'version',
        `The runtime speaks protocol ${String(message.data.protocol)}, this client ${String(PROTOCOL_VERSION)}.`,
        { hint: 'Bring the older of the two up to date.' },
      );
    }
    clearTimeout(this.handshake);
    this.welcomed = true;
    this.events.welcome(message.data);
  }
}

/** Throws VelarError `protocol` for text that is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new VelarError('protocol', 'The runtime sent text that is no JSON.', { cause });
  }
}

/** Opens the socket under the WebSocket. The token goes out only after the certificate was checked. */
function connector(url: URL, address: RuntimeAddress) {
  const secure = url.protocol === 'wss:';
  const port = Number(url.port === '' ? (secure ? 443 : 80) : url.port);
  return (_options: unknown, done: (error: Error | null, socket?: object) => void) => {
    if (!secure) {
      return connectTcp({ host: url.hostname.replace(/^\[|\]$/g, ''), port, noDelay: true });
    }
    connectSecurely({ host: url.hostname, port, fingerprint: address.fingerprint }).then(
      (socket) => {
        socket.setNoDelay(true);
        done(null, socket);
      },
      (error: unknown) => {
        done(VelarError.from(error, 'unreachable'));
      },
    );
    return undefined;
  };
}

/** What an HTTP answer in place of the WebSocket means. */
async function refusal(response: IncomingMessage, where: string): Promise<VelarError> {
  let body = '';
  try {
    for await (const chunk of response) {
      body += String(chunk);
      if (body.length > 65_536) break;
    }
    const error = wireErrorSchema.safeParse(JSON.parse(body));
    if (error.success) return VelarError.fromWire(error.data);
  } catch {
    // A body that is cut off or no error of ours leaves the status to go by.
  }
  const status = response.statusCode ?? 0;
  if (status === 401 || status === 403) {
    return new VelarError('unauthorised', `The runtime at ${where} does not accept this device.`, {
      hint: 'Pair it again.',
    });
  }
  return new VelarError(
    'unreachable',
    `${where} answers with status ${String(status)}, not as a Velar runtime.`,
    { hint: 'Check the address and port.' },
  );
}
