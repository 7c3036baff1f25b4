/** A client of the link without comfort, for tests: it can drop its socket, stop reading and break rules. */
import { once } from 'node:events';
import WebSocket from 'ws';
import { ReliableChannel } from '../../../runtime/protocol/channel';
import { VelarError } from '../../../runtime/protocol/errors';
import type { RunEvent } from '../../../runtime/protocol/events';
import { MAX_DATA_BYTES, ReceiveWindow, SendWindow } from '../../../runtime/protocol/flow';
import { decodeBinaryFrame } from '../../../runtime/protocol/frames';
import { linkMessageSchema, sequencedSchema, type Welcome } from '../../../runtime/protocol/link';
import { chunkLines, decodeLogChunk, type LogLine } from '../../../runtime/protocol/logChunks';
import { runtimeMessageSchema, type RuntimeMessage } from '../../../runtime/protocol/messages';
import type { MethodName, MethodParams, MethodResult } from '../../../runtime/protocol/methods';
import { LINK_PATH, PROTOCOL_VERSION } from '../../../runtime/protocol/version';

/** Something that happened, in the order in which it arrived. */
export type Seen =
  | { kind: 'line'; stream: number; line: LogLine }
  | { kind: 'event'; run: string; event: RunEvent }
  | { kind: 'stream-end'; stream: number };

export interface LinkClientOptions {
  headers?: Record<string, string>;
  protocol?: number;
  /** Grants no credit and so stalls streams. */
  stingy?: boolean;
}

export class LinkClient {
  readonly seen: Seen[] = [];
  readonly messages: RuntimeMessage[] = [];
  readonly payloads = new Map<number, Buffer[]>();
  session = '';
  resumed = 0;
  refusal: VelarError | undefined;
  private channel = new ReliableChannel();
  private socket: WebSocket | undefined;
  private nextRequest = 1;
  private nextStream = 1;
  private readonly sendWindows = new Map<number, SendWindow>();
  private readonly windows = new Map<number, ReceiveWindow>();
  private readonly pending = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  private readonly endedRuns = new Set<string>();
  private waiters: { done: () => boolean; resolve: () => void }[] = [];

  constructor(
    private readonly url: string,
    private readonly token: string,
    private readonly options: LinkClientOptions = {},
  ) {}

  /** Opens a socket and says hello, with the session so far. Rejects with the refusal or the HTTP status. */
  async connect(): Promise<Welcome> {
    const socket = new WebSocket(new URL(LINK_PATH, this.url), {
      headers: { authorization: `Bearer ${this.token}`, ...this.options.headers },
      perMessageDeflate: false,
    });
    this.socket = socket;
    const refused = new Promise<never>((_resolve, reject) => {
      socket.once('unexpected-response', (_request, response) => {
        reject(new Error(`HTTP ${String(response.statusCode)}`));
        response.destroy();
      });
      socket.once('error', reject);
    });
    await Promise.race([once(socket, 'open'), refused]);
    socket.send(
      JSON.stringify({
        link: 'hello',
        protocol: this.options.protocol ?? PROTOCOL_VERSION,
        client: { name: 'test', version: '0' },
        capabilities: [],
        ...(this.session === ''
          ? {}
          : { resume: { session: this.session, received: this.channel.received } }),
      }),
    );
    return new Promise((resolve, reject) => {
      socket.once('close', () => {
        reject(this.refusal ?? new Error('closed before the welcome'));
      });
      socket.on('message', (data: Buffer, isBinary: boolean) => {
        if (this.socket !== socket) return;
        if (isBinary) this.receiveBinary(data);
        else this.receiveText(data.toString(), resolve);
        this.check();
      });
    });
  }

  /** Cuts the connection, as a network would. */
  drop(): void {
    this.socket?.terminate();
    this.socket = undefined;
  }

  /** Stops reading: the runtime's socket fills up. */
  pause(): void {
    this.socket?.pause();
  }

  resume(): void {
    this.socket?.resume();
  }

  async goodbye(): Promise<void> {
    const { socket } = this;
    if (socket === undefined || socket.readyState === WebSocket.CLOSED) return;
    socket.close(1000);
    await once(socket, 'close');
  }

  async closed(): Promise<number> {
    if (this.socket === undefined) throw new Error('no socket');
    const [code] = (await once(this.socket, 'close')) as [number];
    return code;
  }

  request<M extends MethodName>(method: M, params: MethodParams<M>): Promise<MethodResult<M>> {
    return this.rawRequest(method, params) as Promise<MethodResult<M>>;
  }

  rawRequest(method: string, params: unknown): Promise<unknown> {
    const id = this.nextRequest++;
    this.sendBody({ type: 'request', id, method, params });
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
    });
  }

  sendBody(body: unknown): void {
    const frame = this.channel.text(body);
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(frame);
  }

  sendRaw(frame: string | Buffer): void {
    this.socket?.send(frame);
  }

  openStream(): number {
    const id = this.nextStream;
    this.nextStream += 2;
    return id;
  }

  /** Sends without regard for credit. */
  sendData(stream: number, data: Uint8Array, end = false): void {
    for (let offset = 0; offset < data.byteLength; offset += MAX_DATA_BYTES) {
      this.sendFrame(stream, data.subarray(offset, offset + MAX_DATA_BYTES), false);
    }
    if (end) this.sendFrame(stream, new Uint8Array(0), true);
  }

  /** Sends as the runtime grants, and ends the stream. */
  async sendPaced(stream: number, data: Uint8Array): Promise<void> {
    const window = new SendWindow();
    this.sendWindows.set(stream, window);
    for (let offset = 0; offset < data.byteLength; offset += MAX_DATA_BYTES) {
      const payload = data.subarray(offset, offset + MAX_DATA_BYTES);
      await this.until(() => window.allows(payload.byteLength));
      window.take(payload.byteLength);
      this.sendFrame(stream, payload, false);
    }
    this.sendFrame(stream, new Uint8Array(0), true);
  }

  sendFrame(stream: number, payload: Uint8Array, end: boolean): void {
    const frame = this.channel.binary(stream, payload, end);
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(frame);
  }

  grant(stream: number, bytes: number): void {
    this.sendBody({ type: 'credit', stream, bytes });
  }

  /** Resolves once the condition holds; looked at after each message. */
  until(done: () => boolean): Promise<void> {
    if (done()) return Promise.resolve();
    return new Promise((resolve) => {
      this.waiters.push({ done, resolve });
    });
  }

  lines(): LogLine[] {
    return this.seen.flatMap((item) => (item.kind === 'line' ? [item.line] : []));
  }

  events(run: string): RunEvent[] {
    return this.seen.flatMap((item) =>
      item.kind === 'event' && item.run === run ? [item.event] : [],
    );
  }

  ended(run: string): boolean {
    return this.endedRuns.has(run);
  }

  private receiveText(text: string, welcomed: (welcome: Welcome) => void): void {
    const parsed: unknown = JSON.parse(text);
    const link = linkMessageSchema.safeParse(parsed);
    if (link.success) {
      if (link.data.link === 'welcome') {
        const again = link.data.resumed
          ? this.channel.replayAfter(link.data.received)
          : this.startOver();
        this.session = link.data.session;
        if (link.data.resumed) this.resumed += 1;
        for (const frame of again) this.socket?.send(frame);
        welcomed(link.data);
      } else if (link.data.link === 'refused') this.refusal = VelarError.fromWire(link.data.error);
      else if (link.data.link === 'ack') this.channel.acknowledged(link.data.received);
      return;
    }
    const { seq, ack, body } = sequencedSchema.parse(parsed);
    this.channel.acknowledged(ack);
    if (!this.channel.accept(seq, text.length)) return;
    this.acknowledge();
    const message = runtimeMessageSchema.parse(body);
    this.messages.push(message);
    if (message.type === 'response') this.pending.get(message.id)?.resolve(message.result);
    else if (message.type === 'failure') {
      this.pending.get(message.id)?.reject(VelarError.fromWire(message.error));
    } else if (message.type === 'credit') {
      this.sendWindows.get(message.stream)?.grant(message.bytes);
    } else if (message.type === 'run') {
      for (const event of message.events) {
        this.seen.push({ kind: 'event', run: message.run, event });
        if (event.type === 'ended') this.endedRuns.add(message.run);
      }
    }
  }

  private startOver(): [] {
    this.channel = new ReliableChannel();
    return [];
  }

  private receiveBinary(data: Buffer): void {
    const frame = decodeBinaryFrame(data);
    if (!this.channel.accept(frame.seq, data.byteLength)) return;
    this.acknowledge();
    const kept = this.payloads.get(frame.stream) ?? [];
    this.payloads.set(frame.stream, kept);
    if (frame.payload.byteLength > 0) {
      kept.push(Buffer.from(frame.payload));
      const window = this.windows.get(frame.stream) ?? new ReceiveWindow();
      this.windows.set(frame.stream, window);
      if (this.options.stingy !== true) {
        window.arrived(frame.payload.byteLength);
        const credit = window.consumed(frame.payload.byteLength);
        if (credit > 0) this.grant(frame.stream, credit);
      }
      if (frame.stream % 2 === 0) {
        for (const line of chunkLines(decodeLogChunk(frame.payload))) {
          this.seen.push({ kind: 'line', stream: frame.stream, line });
        }
      }
    }
    if (frame.end) this.seen.push({ kind: 'stream-end', stream: frame.stream });
  }

  private acknowledge(): void {
    if (!this.channel.ackDue) return;
    this.socket?.send(JSON.stringify({ link: 'ack', received: this.channel.takeAck() }));
  }

  private check(): void {
    const ready = this.waiters.filter(({ done }) => done());
    this.waiters = this.waiters.filter((waiter) => !ready.includes(waiter));
    for (const { resolve } of ready) resolve();
  }
}
