/** A session with a runtime that outlives its sockets: numbering, resume, requests, streams, events. */
import { ReliableChannel } from '../../runtime/protocol/channel';
import { VelarError } from '../../runtime/protocol/errors';
import type { RunEvent } from '../../runtime/protocol/events';
import { decodeBinaryFrame } from '../../runtime/protocol/frames';
import { linkMessageSchema, sequencedSchema, type Welcome } from '../../runtime/protocol/link';
import { runtimeMessageSchema, type RuntimeMessage } from '../../runtime/protocol/messages';
import type { BudgetAlert } from '../../runtime/protocol/metering';
import type {
  Container,
  Gpu,
  MethodName,
  MethodParams,
  MethodResult,
} from '../../runtime/protocol/methods';
import { BACKGROUND, CAPABILITIES, PROTOCOL_VERSION } from '../../runtime/protocol/version';
import type {
  ClientConnection,
  ClientStream,
  ConnectionState,
  RuntimeAddress,
  Unsubscribe,
} from './api';
import { connectionReducer, type LinkEvent, type LinkState } from './connectionState';
import { Emitter } from './emitter';
import { Link, parseJson } from './link';
import { Liveness } from './liveness';
import { RequestTable } from './requests';
import { StreamTable } from './streams';

export interface ConnectOptions {
  /** Shown to the runtime's owner, for example `VS Code`. */
  client: { name: string; version: string };
  /** Gives up connecting; a connection that is up stays. */
  signal?: AbortSignal;
  /** After a drop: how long to go on trying before the connection closes for good. Default 5 minutes. */
  giveUpAfterMs?: number;
  /** It is there for the sake of a run alone: see BACKGROUND. */
  background?: boolean;
}

const GIVE_UP_AFTER_MS = 5 * 60_000;

/** Resolves once the runtime has welcomed us. Throws VelarError `unreachable`, `unauthorised`, `version`, `cancelled`. */
export function connect(
  address: RuntimeAddress,
  options: ConnectOptions,
): Promise<ClientConnection> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(new VelarError('cancelled', 'Cancelled.'));
      return;
    }
    const connection = new Connection(address, options);
    const abort = (): void => {
      connection.abandon(new VelarError('cancelled', 'Cancelled.'));
    };
    signal?.addEventListener('abort', abort, { once: true });
    const unsubscribe = connection.onState((state) => {
      if (state.kind !== 'connected' && state.kind !== 'closed') return;
      unsubscribe();
      signal?.removeEventListener('abort', abort);
      if (state.kind === 'connected') resolve(connection);
      else reject(state.error ?? new VelarError('cancelled', 'Cancelled.'));
    });
  });
}

class Connection implements ClientConnection {
  private current: LinkState = { kind: 'connecting' };
  private channel = new ReliableChannel();
  private welcome: Welcome | undefined;
  private link: Link | undefined;
  private retryTimer: NodeJS.Timeout | undefined;
  private readonly states = new Emitter<ConnectionState>();
  private readonly containers = new Emitter<Container[]>();
  private readonly gpus = new Emitter<Gpu[]>();
  private readonly deployments = new Emitter<undefined>();
  private readonly budgets = new Emitter<BudgetAlert[]>();
  private alerts: BudgetAlert[] | undefined;
  private readonly newSessions = new Emitter<undefined>();
  private readonly runs = new Map<string, Emitter<readonly RunEvent[]>>();
  private readonly requests = new RequestTable((message) => {
    this.sendText(message);
  });
  private streams = this.makeStreams();
  private readonly liveness: Liveness | undefined;
  private readonly giveUpAfterMs: number;

  constructor(
    private readonly address: RuntimeAddress,
    private readonly options: ConnectOptions,
  ) {
    this.giveUpAfterMs = options.giveUpAfterMs ?? GIVE_UP_AFTER_MS;
    // On the same machine a dead peer closes its socket; only a network can lose one silently.
    this.liveness = isLoopback(address.url)
      ? undefined
      : new Liveness({
          expecting: () => this.requests.size > 0 || this.runs.size > 0,
          ping: () => this.link?.ping(),
          dead: () => {
            this.link?.fail(new VelarError('unreachable', 'The runtime has fallen silent.'));
          },
        });
    this.dial();
  }

  get state(): ConnectionState {
    return this.current;
  }

  get runtime(): { id: string; name: string; version: string } {
    if (this.welcome === undefined) throw new VelarError('internal', 'Not connected yet.');
    return this.welcome.runtime;
  }

  get url(): string {
    return this.address.url;
  }

  onState(listener: (state: ConnectionState) => void): Unsubscribe {
    return this.states.on(listener);
  }

  onContainers(listener: (containers: Container[]) => void): Unsubscribe {
    return this.containers.on(listener);
  }

  onGpus(listener: (gpus: Gpu[]) => void): Unsubscribe {
    return this.gpus.on(listener);
  }

  onDeployments(listener: () => void): Unsubscribe {
    return this.deployments.on(listener);
  }

  onBudgets(listener: (budgets: BudgetAlert[]) => void): Unsubscribe {
    // The runtime says it with the welcome, before anyone can listen.
    if (this.alerts !== undefined) listener(this.alerts);
    return this.budgets.on(listener);
  }

  onNewSession(listener: () => void): Unsubscribe {
    return this.newSessions.on(listener);
  }

  onRunEvents(run: string, listener: (events: readonly RunEvent[]) => void): Unsubscribe {
    const emitter = this.runs.get(run) ?? new Emitter<readonly RunEvent[]>();
    this.runs.set(run, emitter);
    this.liveness?.watch();
    const unsubscribe = emitter.on(listener);
    return () => {
      unsubscribe();
      if (emitter.size === 0) this.runs.delete(run);
    };
  }

  async request<M extends MethodName>(
    method: M,
    params: MethodParams<M>,
    signal?: AbortSignal,
  ): Promise<MethodResult<M>> {
    this.checkOpen();
    this.liveness?.watch();
    return this.requests.request(method, params, signal);
  }

  openStream(writeOnly: boolean): ClientStream {
    this.checkOpen();
    return this.streams.open(writeOnly);
  }

  acceptStream(id: number): ClientStream {
    return this.streams.accept(id);
  }

  async close(): Promise<void> {
    const { link } = this;
    this.link = undefined;
    // The socket first: what was asked for just now still has to reach the runtime.
    await link?.close();
    this.apply({ type: 'closed', error: null });
  }

  abandon(error: VelarError): void {
    this.apply({ type: 'closed', error });
  }

  private checkOpen(): void {
    if (this.current.kind !== 'closed') return;
    throw (
      this.current.error ?? new VelarError('cancelled', 'The connection to the runtime is closed.')
    );
  }

  private apply(event: LinkEvent): void {
    const before = this.current;
    this.current = connectionReducer(before, event, this.giveUpAfterMs);
    if (this.current === before) return;
    const state = this.current;
    if (state.kind === 'reconnecting') {
      if (state.dialling) this.dial();
      else this.scheduleRetry(state.retryAt);
    } else if (state.kind === 'closed') {
      this.shutDown(state.error);
    }
    if (state.kind !== before.kind || !(state.kind === 'reconnecting' && state.dialling)) {
      this.states.emit(state);
    }
  }

  private scheduleRetry(retryAt: number): void {
    this.retryTimer = setTimeout(
      () => {
        this.apply({ type: 'retry' });
      },
      Math.max(0, retryAt - Date.now()),
    );
  }

  private shutDown(error: VelarError | null): void {
    clearTimeout(this.retryTimer);
    this.liveness?.stop();
    const { link } = this;
    this.link = undefined;
    const reason =
      error ?? new VelarError('cancelled', 'The connection to the runtime was closed.');
    link?.fail(reason);
    this.requests.lost(reason);
    this.streams.lost(reason);
  }

  private dial(): void {
    const resume =
      this.welcome === undefined
        ? {}
        : { resume: { session: this.welcome.session, received: this.channel.received } };
    const link: Link = new Link(
      this.address,
      {
        link: 'hello',
        protocol: PROTOCOL_VERSION,
        client: this.options.client,
        capabilities: [...CAPABILITIES, ...(this.options.background === true ? [BACKGROUND] : [])],
        ...resume,
      },
      {
        welcome: (welcome) => {
          this.welcomed(link, welcome);
        },
        text: (frame) => {
          this.receivedText(frame);
        },
        binary: (frame) => {
          this.receivedBinary(frame);
        },
        pong: () => this.liveness?.received(),
        closed: (error) => {
          if (this.link === link) this.link = undefined;
          this.liveness?.stop();
          this.apply({ type: 'dropped', error, at: Date.now(), random: Math.random() });
        },
      },
    );
    this.link = link;
  }

  private welcomed(link: Link, welcome: Welcome): void {
    const before = this.welcome;
    this.welcome = welcome;
    if (welcome.resumed && before !== undefined) {
      for (const frame of this.channel.replayAfter(welcome.received)) link.send(frame);
      this.expectAgain();
      this.apply({ type: 'welcomed' });
      return;
    }
    const lost = new VelarError(
      'session-lost',
      'The runtime no longer knows this session; it was cut off for too long or restarted.',
    );
    this.channel = new ReliableChannel();
    const { streams } = this;
    this.streams = this.makeStreams();
    this.apply({ type: 'welcomed' });
    if (before === undefined) return;
    this.requests.lost(lost);
    streams.lost(lost);
    this.expectAgain();
    this.newSessions.emit(undefined);
  }

  private expectAgain(): void {
    if (this.requests.size > 0 || this.runs.size > 0) this.liveness?.watch();
  }

  private makeStreams(): StreamTable {
    return new StreamTable({
      data: (stream, payload, end) => {
        const frame = this.channel.binary(stream, payload, end);
        this.link?.send(frame);
      },
      credit: (stream, bytes) => {
        this.sendText({ type: 'credit', stream, bytes });
      },
      failed: (error) => {
        this.abandon(VelarError.from(error, 'protocol'));
      },
    });
  }

  private sendText(body: object): void {
    const frame = this.channel.text(body);
    this.link?.send(frame);
  }

  private receivedText(frame: string): void {
    this.liveness?.received();
    const message = parseJson(frame);
    if (typeof message === 'object' && message !== null && 'link' in message) {
      const link = linkMessageSchema.safeParse(message);
      if (link.success && link.data.link === 'ack') this.channel.acknowledged(link.data.received);
      else if (link.success && link.data.link === 'refused') {
        throw VelarError.fromWire(link.data.error);
      } else throw new VelarError('protocol', 'The runtime sent a link message out of place.');
      return;
    }
    const sequenced = sequencedSchema.safeParse(message);
    if (!sequenced.success) throw strange(sequenced.error);
    this.channel.acknowledged(sequenced.data.ack);
    if (!this.channel.accept(sequenced.data.seq, frame.length)) return;
    const body = runtimeMessageSchema.safeParse(sequenced.data.body);
    if (!body.success) throw strange(body.error);
    this.handle(body.data);
    this.acknowledge();
  }

  private receivedBinary(data: Buffer): void {
    this.liveness?.received();
    const frame = decodeBinaryFrame(data);
    if (!this.channel.accept(frame.seq, data.byteLength)) return;
    this.streams.arrived(frame);
    this.acknowledge();
  }

  private acknowledge(): void {
    if (!this.channel.ackDue) return;
    this.link?.send(JSON.stringify({ link: 'ack', received: this.channel.takeAck() }));
  }

  private handle(message: RuntimeMessage): void {
    switch (message.type) {
      case 'response':
        this.requests.answered(message.id, message.result);
        break;
      case 'failure':
        this.requests.failed(message.id, VelarError.fromWire(message.error));
        break;
      case 'credit':
        this.streams.granted(message.stream, message.bytes);
        break;
      case 'run':
        this.runs.get(message.run)?.emit(message.events);
        break;
      case 'containers':
        this.containers.emit(message.containers);
        break;
      case 'gpus':
        this.gpus.emit(message.gpus);
        break;
      case 'deployments':
        this.deployments.emit(undefined);
        break;
      case 'budgets':
        this.alerts = message.budgets;
        this.budgets.emit(message.budgets);
        break;
      default:
        message satisfies never;
    }
  }
}

function strange(cause: unknown): VelarError {
  return new VelarError('protocol', 'The runtime sent a message that the protocol does not have.', {
    hint: 'Bring runtime and client to the same version.',
    cause,
  });
}

/** True for an address on this machine. */
export function isLoopback(url: string): boolean {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}
