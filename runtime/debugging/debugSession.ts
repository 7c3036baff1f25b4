/** One runner that is debugged: its channels, where it stands, and what its run is told of that. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { VelarError } from '../protocol/errors';
import type { DebugEvent } from '../protocol/events';
import type { WorkerMessage } from '../protocol/workerMessages';
import type { Clock } from '../scheduling/clock';
import type { Container } from '../scheduling/container';
import type { Run } from '../scheduling/run';
import { Bridge } from './bridge';
import { Stops } from './stops';

/** A runner that nobody has come to debug by then goes on by itself, in ms. */
export const OPENS_WITHIN_MS = 30_000;

export type DebugWaiting = Extract<WorkerMessage, { type: 'debug-waiting' }>;

export interface DebugSessionOptions {
  run: Run;
  container: Container;
  clock: Clock;
  /** While code stands still, deadlines do not come nearer. */
  hold: (container: Container, held: boolean) => void;
  /** The client was lost. */
  lost: (run: Run) => void;
  warn: (message: string) => void;
}

interface Channel {
  stream: Duplex;
  /** Undefined until the pump has dialled in. */
  bridge: Bridge | undefined;
}

export class DebugSession {
  private readonly channels = new Map<number, Channel>();
  private readonly stops = new Stops();
  private opened = 0;
  private state: DebugEvent['state'] = 'waiting';
  private readonly empty: Promise<void>;
  private allClosed: () => void = () => undefined;
  private undoTimer: (() => void) | undefined;
  /** All that there is of the call has passed. */
  private complete = false;

  constructor(
    /** What the runner said when it began to wait. */
    readonly waiting: DebugWaiting,
    private readonly options: DebugSessionOptions,
  ) {
    this.empty = new Promise((resolve) => {
      this.allClosed = resolve;
    });
    const { root, python, debugpy, pid } = waiting;
    options.hold(options.container, true);
    this.tell({ state: 'waiting', root, python, debugpy, pid }, 'waiting for the debugger');
    this.undoTimer = options.clock.timer(OPENS_WITHIN_MS, () => this.goOn());
  }

  get run(): Run {
    return this.options.run;
  }

  get container(): Container {
    return this.options.container;
  }

  get over(): boolean {
    return this.state === 'ended';
  }

  /** Joins a client's stream to the adapter. Throws `conflict` once it is over. */
  open(stream: Duplex): void {
    if (this.over) throw new VelarError('conflict', 'This run is not debugged any more.');
    this.undoTimer?.();
    const channel = (this.opened += 1);
    this.channels.set(channel, { stream, bridge: undefined });
    // Only a lost session destroys it with an error.
    stream.once('error', () => this.options.lost(this.run));
    stream.once('close', () => this.closed(channel));
    const { load, port } = this.waiting;
    this.container.link?.send({ type: 'debug-channel', load, channel, port });
  }

  /** The pump of a channel dialled in. */
  joined(channel: number, socket: Socket): void {
    const known = this.channels.get(channel);
    if (known === undefined || known.bridge !== undefined || known.stream.destroyed) {
      socket.destroy();
      return;
    }
    known.bridge = new Bridge(known.stream, socket, this.options.clock, {
      asked: (message) => this.stops.asked(channel, message),
      told: (message) => {
        if (this.stops.told(channel, message)) this.look();
      },
      toldAll: () => this.toldAll(),
    });
    if (this.complete) known.bridge.toldAll();
  }

  /** Of all processes: children have ended before the call, or do not belong to it. */
  private toldAll(): void {
    this.complete = true;
    for (const { bridge } of this.channels.values()) bridge?.toldAll();
  }

  /** The runner waits no more. */
  going(): void {
    if (this.state !== 'waiting') return;
    this.undoTimer?.();
    if (this.channels.size === 0) void this.end();
    else this.goesOn();
  }

  /** Nobody debugs it any more: the code goes on, channels close. Resolves when all are closed. */
  end(): Promise<void> {
    if (!this.over) {
      this.undoTimer?.();
      // Nothing has run yet that could tell anything.
      if (this.state === 'waiting') this.toldAll();
      this.state = 'ended';
      this.options.hold(this.container, false);
      this.tell({ state: 'ended' }, 'the debugger has left');
      for (const { stream, bridge } of this.channels.values()) {
        if (bridge === undefined) stream.end(() => stream.destroy());
        else bridge.end();
      }
      if (this.channels.size === 0) this.allClosed();
    }
    return this.empty;
  }

  private goOn(): void {
    this.container.link?.send({ type: 'debug-go', load: this.waiting.load });
  }

  private closed(channel: number): void {
    this.channels.delete(channel);
    this.stops.closed(channel);
    if (this.over) {
      if (this.channels.size === 0) this.allClosed();
      return;
    }
    if (this.channels.size > 0) this.look();
    else if (this.state === 'waiting') this.goOn();
    else void this.end();
  }

  /** Some process stopped, or goes on. */
  private look(): void {
    const { reason } = this.stops;
    if (reason === undefined) {
      if (this.state === 'stopped') this.goesOn();
    } else if (this.state !== 'waiting') {
      this.state = 'stopped';
      this.options.hold(this.container, true);
      this.tell({ state: 'stopped', reason }, `${stoppedFor(reason)}; the cost clock goes on`);
    }
  }

  private goesOn(): void {
    this.state = 'running';
    this.options.hold(this.container, false);
    this.tell({ state: 'running' }, 'running under the debugger');
    this.look();
  }

  private tell(event: Omit<DebugEvent, 'type' | 'at'>, detail: string): void {
    const { run } = this;
    run.together(() => {
      run.publish({ type: 'debug', at: this.options.clock.now(), ...event });
      run.advance((timeline) => timeline.progress(detail));
    });
  }
}

function stoppedFor(reason: string): string {
  if (reason === 'step') return 'stopped after a step';
  if (reason === 'pause') return 'paused';
  return reason === 'exception' ? 'stopped at an exception' : 'stopped at a breakpoint';
}
