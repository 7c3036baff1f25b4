/** All sessions of the runtime: welcome, resume, grace, revocation, and who is there. */
import { randomBytes } from 'node:crypto';
import { VelarError } from '../protocol/errors';
import type { Hello } from '../protocol/link';
import {
  BACKGROUND,
  BUDGETS,
  CALLER_GRACE_MS,
  CAPABILITIES,
  PROTOCOL_VERSION,
  SESSION_GRACE_MS,
} from '../protocol/version';
import { OWNER, type Principal } from './gate';
import { Session, type Dispatch, type LinkSocket } from './session';
import { Feed, type FeedMessage } from './feed';

export interface RuntimeName {
  id: string;
  name: string;
  version: string;
}

/** Who is there, apart from clients in the background. */
export interface ClientCount {
  /** Clients whose socket is up. */
  connected: number;
  /** Clients whose socket dropped and who may come back. */
  expected: number;
}

export interface SessionsOptions {
  runtime: RuntimeName;
  dispatch: Dispatch;
  /** How long a session outlives its socket. */
  graceMs?: number;
  /** The same where a local entrypoint of another machine goes on. */
  callerGraceMs?: number;
  /** What a new client has to know at once. */
  news?: () => FeedMessage[];
  /** Told after each change. */
  onClients?: (clients: ClientCount) => void;
}

interface Entry {
  session: Session;
  background: boolean;
  /** Of the messages that the client knows. */
  feeds: Partial<Record<FeedMessage['type'], Feed>>;
  grace: NodeJS.Timeout | undefined;
}

export class Sessions {
  private readonly entries = new Map<string, Entry>();
  private readonly graceMs: number;
  private readonly callerGraceMs: number;

  constructor(private readonly options: SessionsOptions) {
    this.graceMs = options.graceMs ?? SESSION_GRACE_MS;
    this.callerGraceMs = options.callerGraceMs ?? CALLER_GRACE_MS;
  }

  get clients(): ClientCount {
    const present = [...this.entries.values()].filter(({ background }) => !background);
    const connected = present.filter(({ session }) => session.attached).length;
    return { connected, expected: present.length - connected };
  }

  /** Welcomes a client, with the session that it asks to go on with where that is possible. Throws `version`. */
  connect(hello: Hello, principal: Principal, socket: LinkSocket): Session {
    if (hello.protocol !== PROTOCOL_VERSION) {
      throw new VelarError(
        'version',
        `This runtime speaks protocol ${String(PROTOCOL_VERSION)}, the client ${String(hello.protocol)}.`,
        {
          hint: `Bring the ${hello.protocol > PROTOCOL_VERSION ? 'runtime' : 'client'} up to date.`,
        },
      );
    }
    const resumed =
      hello.resume === undefined ? undefined : this.find(hello.resume.session, principal);
    if (resumed !== undefined && this.resume(resumed, hello.resume?.received ?? 0, socket)) {
      return resumed.session;
    }
    const entry = this.create(principal, hello.capabilities);
    socket.send(this.welcome(entry.session, false), false);
    entry.session.attach(socket, 0);
    for (const message of this.options.news?.() ?? []) entry.feeds[message.type]?.offer(message);
    this.changed();
    return entry.session;
  }

  /** A socket of the session is gone: for good when the client said goodbye, else for the time of grace. */
  dropped(session: Session, socket: LinkSocket, goodbye: boolean): void {
    const entry = this.entries.get(session.id);
    if (entry === undefined || !session.detach(socket)) return;
    if (goodbye) {
      session.end(new VelarError('session-lost', 'The client closed its session.'));
      return;
    }
    entry.grace = setTimeout(() => {
      session.end(new VelarError('session-lost', 'The client did not come back in time.'));
    }, this.graceOf(session)).unref();
    this.changed();
  }

  /** Ends the sessions of a device that was revoked, the present one once its answer is out. */
  revoke(device: string): void {
    const error = new VelarError('unauthorised', 'This device was unpaired from the runtime.', {
      hint: 'Pair it again to go on.',
    });
    const theirs = [...this.entries.values()].filter(
      ({ session }) => session.principal.device === device,
    );
    process.nextTick(() => {
      for (const { session } of theirs) session.end(error, true);
    });
  }

  /** Newest state of a kind, for every client. */
  publish(message: FeedMessage): void {
    for (const { feeds } of this.entries.values()) feeds[message.type]?.offer(message);
  }

  /** Ends all, telling the clients why. */
  endAll(error: VelarError): void {
    for (const { session } of [...this.entries.values()]) session.end(error, true);
  }

  /** On this machine a socket that is gone means a process that is gone. */
  private graceOf({ holdsCaller, principal }: Session): number {
    return holdsCaller && principal.device !== OWNER ? this.callerGraceMs : this.graceMs;
  }

  private find(id: string, principal: Principal): Entry | undefined {
    const entry = this.entries.get(id);
    return entry?.session.principal.device === principal.device ? entry : undefined;
  }

  private resume(entry: Entry, received: number, socket: LinkSocket): boolean {
    const { session } = entry;
    try {
      session.checkResume(received);
    } catch (error) {
      session.end(VelarError.from(error));
      return false;
    }
    clearTimeout(entry.grace);
    entry.grace = undefined;
    socket.send(this.welcome(session, true), false);
    session.attach(socket, received);
    this.changed();
    return true;
  }

  private create(principal: Principal, capabilities: readonly string[]): Entry {
    const id = `ses-${randomBytes(16).toString('hex')}`;
    const session = new Session(id, principal, this.options.dispatch, () => {
      clearTimeout(this.entries.get(id)?.grace);
      this.entries.delete(id);
      this.changed();
    });
    const feeds = {
      containers: new Feed(session),
      gpus: new Feed(session),
      deployments: new Feed(session),
      ...(capabilities.includes(BUDGETS) ? { budgets: new Feed(session) } : {}),
    };
    const background = capabilities.includes(BACKGROUND);
    const entry: Entry = { session, background, feeds, grace: undefined };
    this.entries.set(id, entry);
    return entry;
  }

  private welcome(session: Session, resumed: boolean): string {
    return JSON.stringify({
      link: 'welcome',
      protocol: PROTOCOL_VERSION,
      session: session.id,
      resumed,
      received: session.received,
      runtime: this.options.runtime,
      capabilities: CAPABILITIES,
    });
  }

  private changed(): void {
    this.options.onClients?.(this.clients);
  }
}
