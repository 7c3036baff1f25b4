/** Who debugs what: the debug runs there are, their channels, and who waits for a container's next call. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { VelarError } from '../protocol/errors';
import type { RunError } from '../protocol/values';
import type { Call } from '../scheduling/call';
import type { Clock } from '../scheduling/clock';
import type { Container } from '../scheduling/container';
import type { DebugMessage } from '../scheduling/containerEvents';
import { infrastructureError, unknownContainer } from '../scheduling/platformErrors';
import type { Run } from '../scheduling/run';
import type { DebugService } from '../scheduling/service';
import type { DebugpyPackages } from './debugpyPackages';
import { DebugSession, type DebugWaiting } from './debugSession';

export interface DebugSessionsOptions {
  clock: Clock;
  /** Undefined for an engine that can't give containers what debugging brings. */
  packages: DebugpyPackages | undefined;
  container: (id: string) => Container | undefined;
  run: (id: string) => Run | undefined;
  /** Runs that wait for the container, or that it works for. */
  audience: (container: Container) => Run[];
  hold: (container: Container, held: boolean) => void;
  cancel: (run: Run, reason: string) => void;
  warn: (message: string) => void;
}

interface Awaited {
  client: object;
  packages: string | null | undefined;
  resolve: (run: string) => void;
  reject: (error: VelarError) => void;
}

export class DebugSessions implements DebugService {
  /** By run; a run is debugged in one runner at a time. */
  private readonly sessions = new Map<Run, DebugSession>();
  /** Who waits for the next call of a container. */
  private readonly awaited = new Map<Container, Awaited>();
  /** Calls whose runner brings its debugger up, by container: that takes as long as it takes. */
  private readonly starting = new Map<Container, Call>();
  /** Who asked containers what they have for debugging, in order. */
  private readonly probes = new Map<Container, ((own: string | null) => void)[]>();

  constructor(private readonly options: DebugSessionsOptions) {}

  open(id: string, stream: Duplex): void {
    const run = this.options.run(id);
    if (run === undefined) throw new VelarError('not-found', `There is no run ${id}.`);
    const session = this.sessions.get(run);
    if (session === undefined) {
      throw new VelarError('conflict', `Run ${id} does not wait for a debugger.`, {
        hint: 'Start it with Debug, and wait until it says that it waits for the debugger.',
      });
    }
    session.open(stream);
  }

  async awaitCall(id: string, signal: AbortSignal, client: object): Promise<string> {
    const container = this.options.container(id);
    if (container === undefined) throw unknownContainer(id);
    if (this.awaited.has(container)) {
      throw new VelarError('conflict', `Somebody waits already for the next call of ${id}.`);
    }
    let undo = (): void => undefined;
    const next = new Promise<string>((resolve, reject) => {
      this.awaited.set(container, { client, packages: undefined, resolve, reject });
      const ended = (): void => reject(givenUp());
      signal.addEventListener('abort', ended, { once: true });
      undo = () => signal.removeEventListener('abort', ended);
    });
    next.catch(() => undefined);
    const own = this.awaited.get(container);
    try {
      const ready = await Promise.race([this.prepare(container), next]);
      if (typeof ready === 'string') return ready;
      if ('error' in ready) throw new VelarError('unsupported', ready.error.message, ready.error);
      if (own !== undefined) own.packages = ready.packages;
      return await next;
    } finally {
      undo();
      if (this.awaited.get(container) === own) this.awaited.delete(container);
    }
  }

  giveUp(id: string, client: object): void {
    for (const [container, awaited] of this.awaited) {
      if (container.id === id && awaited.client === client) awaited.reject(givenUp());
    }
  }

  /** Resolves when nothing that it started is left. */
  async dispose(): Promise<void> {
    await this.options.packages?.dispose();
  }

  /** Code is to be loaded for debugging. */
  load(container: Container, load: number): void {
    const { audience, hold } = this.options;
    // What has to be fetched takes as long as it takes.
    hold(container, true);
    for (const run of audience(container)) {
      run.advance((timeline) => timeline.progress('getting debugpy ready'));
    }
    this.prepare(container)
      .catch((error: unknown) => ({ error: infrastructureError(error, 'Debugging') }))
      .then((ready) => {
        hold(container, false);
        if ('error' in ready) container.failLoad(load, ready.error);
        else container.sendLoad(load, ready);
      })
      .catch((error: unknown) => this.options.warn(String(error)));
  }

  /** Calls are about to be sent: the first is the one that somebody waits for. */
  dispatched(container: Container, calls: readonly Call[]): void {
    const awaited = this.awaited.get(container);
    const [first] = calls;
    if (awaited?.packages === undefined || first === undefined) return;
    if (first.target.load.debug === true) return;
    first.debug = { packages: awaited.packages };
    this.starting.set(container, first);
    this.options.hold(container, true);
    this.awaited.delete(container);
    awaited.resolve(first.run.id);
  }

  /** What a worker says. */
  said(container: Container, message: DebugMessage): void {
    if (message.type === 'debug-probe') this.probes.get(container)?.shift()?.(message.own);
    else if (message.type === 'debug-waiting') this.waits(container, message);
    else {
      this.started(container);
      this.sessionOf(container)?.going();
    }
  }

  /** A pump dialled in. */
  channel(container: Container, channel: number, socket: Socket): void {
    const session = this.sessionOf(container);
    if (session === undefined) socket.destroy();
    else session.joined(channel, socket);
  }

  /** A call is over: whoever attached to it has seen all of it. */
  callEnded(container: Container, call: Call): void {
    if (this.starting.get(container) === call) this.started(container);
    const session = this.sessionOf(container);
    if (session?.waiting.call === call.id) void this.end(session);
  }

  /** The runner is gone, and its adapter with it. */
  runnerGone(container: Container): void {
    this.started(container);
    const session = this.sessionOf(container);
    if (session !== undefined) void this.end(session);
  }

  /** A run is about to end. What was loaded for it alone goes. */
  runEnded(run: Run): void {
    const session = this.sessions.get(run);
    if (session === undefined) return;
    const { load, call } = session.waiting;
    const closed = this.end(session);
    const { link } = session.container;
    if (call === null) void closed.then(() => link?.send({ type: 'unload', load }));
  }

  /** Containers changed: some may be gone. */
  changed(): void {
    for (const [container, { reject }] of this.awaited) {
      if (container.state !== 'stopping' && container.state !== 'ended') continue;
      reject(new VelarError('cancelled', `The container ${container.id} has ended.`));
    }
  }

  private waits(container: Container, waiting: DebugWaiting): void {
    const { clock, hold, warn, cancel } = this.options;
    const call = waiting.call === null ? undefined : container.inflight.get(waiting.call);
    const run = call?.run ?? this.options.audience(container)[0];
    if (run === undefined || (waiting.call !== null && call === undefined)) {
      this.started(container);
      container.link?.send({ type: 'debug-go', load: waiting.load });
      return;
    }
    // From here on the session holds it.
    this.starting.delete(container);
    void this.sessions.get(run)?.end();
    const lost = (): void => cancel(run, 'The connection of the debugger was lost.');
    this.sessions.set(run, new DebugSession(waiting, { run, container, clock, hold, lost, warn }));
  }

  private started(container: Container): void {
    if (this.starting.delete(container)) this.options.hold(container, false);
  }

  private end(session: DebugSession): Promise<void> {
    if (this.sessions.get(session.run) === session) this.sessions.delete(session.run);
    return session.end();
  }

  private sessionOf(container: Container): DebugSession | undefined {
    for (const session of this.sessions.values()) {
      if (session.container === container) return session;
    }
    return undefined;
  }

  /** What the container has for debugging, and what it is given. */
  private async prepare(
    container: Container,
  ): Promise<{ packages: string | null } | { error: RunError }> {
    const { packages } = this.options;
    const { link } = container;
    if (packages === undefined || link === undefined) {
      throw new VelarError('unsupported', 'The engine of this runtime can’t debug.');
    }
    const own = await new Promise<string | null>((resolve) => {
      const asked = this.probes.get(container) ?? [];
      this.probes.set(container, [...asked, resolve]);
      link.send({ type: 'debug-probe', load: 0 });
    });
    return packages.bring(link.hello.python, own);
  }
}

function givenUp(): VelarError {
  return new VelarError('cancelled', 'Nobody waits for the next call any more.');
}
