/** A small client of the Debug Adapter Protocol over any pair of write and payloads, for tests and benches. */

export interface DapMessage {
  seq: number;
  type: 'request' | 'response' | 'event';
  command?: string;
  event?: string;
  request_seq?: number;
  success?: boolean;
  message?: string;
  arguments?: unknown;
  // The shape of a body depends on the message; each test knows its own.
  body?: Record<string, unknown> & { [name: string]: unknown };
}

export interface DapTransport {
  write(bytes: Buffer): void;
  /** `null` marks the end. */
  onBytes(reader: (bytes: Uint8Array | null) => void): void;
}

export class DapClient {
  /** Everything that passed, in order, as this side saw it. */
  readonly transcript: DapMessage[] = [];
  /** Resolves when the other side has ended. */
  readonly ended: Promise<void>;
  private seq = 0;
  private held = Buffer.alloc(0);
  private taken = 0;
  private over = false;
  private readonly waiting = new Set<() => void>();

  constructor(private readonly transport: DapTransport) {
    this.ended = new Promise((resolve) => {
      transport.onBytes((bytes) => {
        if (bytes !== null) {
          this.receive(bytes);
          return;
        }
        this.over = true;
        for (const check of [...this.waiting]) check();
        resolve();
      });
    });
  }

  /** Sends a request; resolves with the response's body. Rejects where it failed. */
  async request(command: string, args?: unknown): Promise<NonNullable<DapMessage['body']>> {
    const seq = this.send(command, args);
    const response = await this.until(
      (message) => message.type === 'response' && message.request_seq === seq,
    );
    if (response.success !== true) throw new Error(`${command}: ${response.message ?? ''}`);
    return response.body ?? {};
  }

  /** Sends a request whose response is waited for elsewhere, or not. Returns its number. */
  send(command: string, args?: unknown): number {
    this.seq += 1;
    const message: DapMessage = {
      seq: this.seq,
      type: 'request',
      command,
      ...(args === undefined ? {} : { arguments: args }),
    };
    this.transcript.push(message);
    const body = JSON.stringify(message);
    this.transport.write(
      Buffer.from(`Content-Length: ${String(Buffer.byteLength(body))}\r\n\r\n${body}`),
    );
    return this.seq;
  }

  /** The next event of this name that no earlier call has taken. */
  async event(name: string): Promise<NonNullable<DapMessage['body']>> {
    let at = -1;
    await this.until((message, index) => {
      at = index;
      return index >= this.taken && message.type === 'event' && message.event === name;
    });
    this.taken = at + 1;
    return this.transcript[at]?.body ?? {};
  }

  /** Resolves when a message fits; those that are past count. Rejects once none can come any more. */
  until(fits: (message: DapMessage, index: number) => boolean): Promise<DapMessage> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const found = this.transcript.find((message, index) => fits(message, index));
        if (found === undefined && !this.over) return;
        this.waiting.delete(check);
        if (found !== undefined) resolve(found);
        else reject(new Error(`The debugger left. It said last: ${this.lastSaid()}`));
      };
      this.waiting.add(check);
      check();
    });
  }

  private lastSaid(): string {
    return JSON.stringify(this.transcript.slice(-3));
  }

  /** From `initialize` to the response of `attach`, with these breakpoints set in between. */
  async attach(
    breakpoints: Readonly<Record<string, readonly object[]>>,
    options: { filters?: string[]; arguments?: object } = {},
  ): Promise<void> {
    await this.request('initialize', {
      adapterID: 'velar',
      clientID: 'test',
      linesStartAt1: true,
      columnsStartAt1: true,
      pathFormat: 'path',
    });
    const attach = this.send('attach', {
      name: 'test',
      type: 'velar',
      request: 'attach',
      connect: { host: '127.0.0.1', port: 1 },
      redirectOutput: false,
      subProcess: true,
      justMyCode: true,
      ...options.arguments,
    });
    await this.event('initialized');
    for (const [path, lines] of Object.entries(breakpoints)) {
      await this.request('setBreakpoints', { source: { path }, breakpoints: lines });
    }
    await this.request('setExceptionBreakpoints', { filters: options.filters ?? [] });
    await this.request('configurationDone');
    await this.until(({ request_seq, type }) => type === 'response' && request_seq === attach);
  }

  /** Waits for a stop; returns where the thread stands. */
  async stopped(): Promise<{ reason: string; thread: number; frames: Frame[] }> {
    const { reason, threadId } = await this.event('stopped');
    const thread = Number(threadId);
    const { stackFrames } = await this.request('stackTrace', { threadId: thread });
    return { reason: String(reason), thread, frames: stackFrames as Frame[] };
  }

  /** Variables of the innermost frame's first scope, by name. */
  async locals(frame: Frame): Promise<Map<string, string>> {
    const { scopes } = await this.request('scopes', { frameId: frame.id });
    const [{ variablesReference = 0 } = {}] = scopes as { variablesReference: number }[];
    const { variables } = await this.request('variables', { variablesReference });
    return new Map(
      (variables as { name: string; value: string }[]).map(({ name, value }) => [name, value]),
    );
  }

  private receive(bytes: Uint8Array): void {
    this.held = Buffer.concat([this.held, bytes]);
    for (;;) {
      const end = this.held.indexOf('\r\n\r\n');
      if (end < 0) break;
      const size = Number(/Content-Length: (\d+)/.exec(this.held.toString('latin1', 0, end))?.[1]);
      if (this.held.byteLength < end + 4 + size) break;
      const body = this.held.toString('utf8', end + 4, end + 4 + size);
      this.held = this.held.subarray(end + 4 + size);
      this.transcript.push(JSON.parse(body) as DapMessage);
    }
    for (const check of [...this.waiting]) check();
  }
}

export interface Frame {
  id: number;
  name: string;
  line: number;
  source: { path: string };
}
