/** The runner's own line to the runtime: single calls and their answers, which wake no supervisor. */
import type { VelarError } from '../protocol/errors';
import type { WorkerMessage } from '../protocol/workerMessages';
import type { Call } from './call';
import type { Clock } from './clock';
import type { WorkerConnection } from './workerLink';

/** A call that goes on for this long is told to the supervisor, which looks at its memory from then on, in ms. */
const LASTING_MS = 20;
/** A dead runner's line closes at once, unless a process that it left behind holds it; in ms. */
const CLOSES_WITHIN_MS = 1000;

/** An answer that came over the line. */
export type DirectAnswer = Extract<WorkerMessage, { type: 'result' | 'error' }>;

export interface RunnerLineEvents {
  /** All output that it printed before has been received. */
  answered(answer: DirectAnswer, body: Buffer): void;
  /** The line is gone; these calls were sent over it and have no answer. */
  lost(calls: readonly Call[], error: VelarError | undefined): void;
  /** This call has been executing for a while. */
  lasting(call: Call): void;
}

export class RunnerLine {
  private connection: WorkerConnection | undefined;
  private readonly calls = new Map<number, Call>();
  /** Bytes of output of this runner that the supervisor has passed on. */
  private received = 0;
  private held: { answer: DirectAnswer; body: Buffer }[] = [];
  private lastingTimer: (() => void) | undefined;
  private toldLasting: Call | undefined;
  /** Who waits for the end of what a dead runner had sent. */
  private reader: { done: () => void; cancel: () => void } | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly events: RunnerLineEvents,
  ) {}

  get open(): boolean {
    return this.connection !== undefined;
  }

  /** How many calls were sent over it and are not settled. */
  get size(): number {
    return this.calls.size;
  }

  has(call: Call): boolean {
    return this.calls.get(call.id) === call;
  }

  /** Takes over the socket of the runner. */
  attach(connection: WorkerConnection): void {
    this.connection = connection;
    connection.receive({
      message: (message, body) => {
        if (this.connection !== connection) return;
        // What a runner has to say besides goes through its supervisor.
        if (message.type === 'result' || message.type === 'error') this.take(message, body);
        else connection.close();
      },
      log: () => connection.close(),
      closed: (error) => {
        if (this.connection === connection) this.close(error);
      },
    });
  }

  /** Sends a call; `header` is its message. */
  send(call: Call, header: object, body: Buffer): void {
    this.calls.set(call.id, call);
    this.connection?.send(header, body);
    this.lastingTimer ??= this.clock.timer(LASTING_MS, () => this.look());
  }

  /** The call is settled. */
  forget(call: Call): void {
    if (!this.calls.delete(call.id) || this.calls.size === 0) return;
    // The next in line begins.
    this.lastingTimer ??= this.clock.timer(LASTING_MS, () => this.look());
  }

  /** A fresh runner starts: what is counted from here on is its own. */
  started(): void {
    this.received = 0;
    this.held = [];
  }

  /** Output of the runner came, of this many bytes. */
  printed(bytes: number): void {
    this.received += bytes;
    while (this.held.length > 0) {
      const [first] = this.held;
      if (first === undefined || !this.isDue(first.answer)) return;
      this.held.shift();
      this.events.answered(first.answer, first.body);
    }
  }

  /** The runner is dead: calls back once everything that it had sent is taken. */
  whenRead(callback: () => void): void {
    if (this.connection === undefined || this.calls.size === 0) {
      callback();
      return;
    }
    const cancel = this.clock.timer(CLOSES_WITHIN_MS, () => this.close(undefined));
    this.reader = { done: callback, cancel };
  }

  /** Lets go of the runner. */
  drop(): void {
    const { connection } = this;
    this.connection = undefined;
    connection?.close();
    this.calls.clear();
    this.held = [];
    this.lastingTimer?.();
    this.lastingTimer = undefined;
    this.reader?.cancel();
    this.reader = undefined;
  }

  private take(answer: DirectAnswer, body: Buffer): void {
    if (this.held.length === 0 && this.isDue(answer)) this.events.answered(answer, body);
    else this.held.push({ answer, body });
  }

  private isDue({ logged }: DirectAnswer): boolean {
    return this.received >= (logged ?? 0);
  }

  private close(error: VelarError | undefined): void {
    const { connection, reader } = this;
    this.connection = undefined;
    this.reader = undefined;
    reader?.cancel();
    connection?.close();
    // Answers that wait for output are answers; it comes by way of the supervisor.
    const answered = new Set(this.held.map(({ answer }) => answer.call));
    const open = [...this.calls.values()].filter((call) => !answered.has(call.id));
    for (const call of open) this.calls.delete(call.id);
    if (reader !== undefined) reader.done();
    else if (open.length > 0) this.events.lost(open, error);
  }

  /** One timer for all calls, set again only when it fires. */
  private look(): void {
    this.lastingTimer = undefined;
    const [first] = this.calls.values();
    if (first === undefined) return;
    const age = first.startedAt === undefined ? 0 : this.clock.monotonic() - first.startedAt;
    const told = this.toldLasting === first;
    if (age >= LASTING_MS && !told) {
      this.toldLasting = first;
      this.events.lasting(first);
    }
    if (age < LASTING_MS) this.lastingTimer = this.clock.timer(LASTING_MS - age, () => this.look());
  }
}
