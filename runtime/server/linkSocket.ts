/** From a WebSocket that passed the gate to a session: hello, welcome, then frames. */
import type { Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import { VelarError } from '../protocol/errors';
import { linkMessageSchema, type Hello } from '../protocol/link';
import type { WireFrame } from '../protocol/channel';
import type { Principal } from './gate';
import type { LinkSocket, Session } from './session';

/** Who takes links in; see sessions.ts. */
export interface LinkAcceptor {
  /** Throws VelarError when the client can't be welcomed. */
  connect(hello: Hello, principal: Principal, socket: LinkSocket): Session;
  dropped(session: Session, socket: LinkSocket, goodbye: boolean): void;
}

const HELLO_MS = 10_000;
/** WebSocket close codes: RFC 6455 section 7.4.1, and 4000 up for our own. */
const NORMAL = 1000;
const GOING_AWAY = 1001;
const NO_STATUS = 1005;
const REFUSED = 4000;
const UNAUTHORISED = 4401;

export function acceptLink(
  websocket: WebSocket,
  transport: Socket,
  principal: Principal,
  acceptor: LinkAcceptor,
): void {
  const socket = new WebSocketLink(websocket, transport);
  let session: Session | undefined;
  const helloDue = setTimeout(() => {
    websocket.terminate();
  }, HELLO_MS);

  websocket.on('message', (data: RawData, isBinary: boolean) => {
    // The default binaryType hands every message over as one Buffer.
    const frame = data as Buffer;
    if (session === undefined) {
      clearTimeout(helloDue);
      try {
        session = acceptor.connect(parseHello(frame, isBinary), principal, socket);
      } catch (error) {
        socket.refuse(VelarError.from(error, 'protocol'));
      }
    } else if (isBinary) session.receiveBinary(frame);
    else session.receiveText(frame);
  });
  websocket.on('error', () => {
    // Always followed by 'close', which says what there is to say.
  });
  websocket.on('close', (code: number) => {
    clearTimeout(helloDue);
    const goodbye = code === NORMAL || code === GOING_AWAY || code === NO_STATUS;
    if (session !== undefined) acceptor.dropped(session, socket, goodbye);
  });
}

function parseHello(data: Buffer, isBinary: boolean): Hello {
  if (!isBinary) {
    const message = linkMessageSchema.safeParse(JSON.parse(data.toString()));
    if (message.success && message.data.link === 'hello') return message.data;
  }
  throw new VelarError('protocol', 'The first message must be a hello.');
}

/** Frames that can wait for company leave after this long at the latest, in ms. */
const COMPANY_MS = 1;

class WebSocketLink implements LinkSocket {
  private corked: 'no' | 'patient' | 'urgent' = 'no';
  private companyTimer: NodeJS.Timeout | undefined;
  private refused = false;

  constructor(
    private readonly websocket: WebSocket,
    private readonly transport: Socket,
  ) {}

  get bufferedAmount(): number {
    return this.websocket.bufferedAmount;
  }

  send(frame: WireFrame, patient: boolean, flushed?: () => void): void {
    if (this.refused || this.websocket.readyState !== this.websocket.OPEN) return;
    this.gather(patient);
    if (flushed === undefined) this.websocket.send(frame);
    else this.websocket.send(frame, flushed);
  }

  /** All frames of one turn of the event loop leave in one system call, patient ones with the next that is not. */
  private gather(patient: boolean): void {
    if (this.corked === 'no') this.transport.cork();
    if (patient) {
      if (this.corked === 'no') {
        this.corked = 'patient';
        this.companyTimer = setTimeout(() => {
          this.release();
        }, COMPANY_MS);
      }
    } else if (this.corked !== 'urgent') {
      clearTimeout(this.companyTimer);
      this.corked = 'urgent';
      process.nextTick(() => {
        this.release();
      });
    }
  }

  private release(): void {
    this.corked = 'no';
    this.transport.uncork();
  }

  refuse(error: VelarError): void {
    if (this.refused) return;
    this.send(JSON.stringify({ link: 'refused', error: error.toWire() }), false);
    this.refused = true;
    const code = error.code === 'unauthorised' ? UNAUTHORISED : REFUSED;
    this.websocket.close(code, error.message.slice(0, 40));
  }

  terminate(): void {
    this.websocket.terminate();
  }
}
