/** One container: what its runner has loaded, the calls it holds, their deadlines, what its worker says. */
import type { GpuRequest } from '../protocol/description';
import type { Gpu } from '../protocol/methods';
import type { RunError } from '../protocol/values';
import { VelarError } from '../protocol/errors';
import type { WorkerMessage } from '../protocol/workerMessages';
import type { ContainerExit, PlacedContainer } from '../engines/engine';
import type { Call, DebugRequest, PhaseMessage } from './call';
import { callMessage, loadMessage, mayGoDirect } from './callMessage';
import type { Clock } from './clock';
import type { ContainerEvents } from './containerEvents';
import { endPlaced } from './endPlaced';
import { Deadlines, noteModelLoad, timedOut, withTraceback } from './deadlines';
import { endOf } from './sharedEnd';
import { SharedTime } from './sharedTime';
import { RunnerLine } from './runnerLine';
import { groupOf, type LoadSpec, type Target } from './target';
import type { WorkerConnection } from './workerLink';
import { resultItems, whenReadable } from './workerReads';

/** Between asking a call to end and ending its runner, in ms. */
const CANCEL_GRACE_MS = 2000;
/** Beyond that, a supervisor that has not answered is ended itself. */
const CANCEL_SLACK_MS = 3000;

export type ContainerState = 'starting' | 'loading' | 'ready' | 'stopping' | 'ended';

export class Container {
  state: ContainerState = 'starting';
  readonly inflight = new Map<number, Call>();
  /** What the runner has, or is loading; null when it has none. */
  load: LoadSpec | null = null;
  readonly startedAt: number;
  idleUntil: number | null = null;
  memoryBytes: number | null = null;
  /** Whose calls it works on; others wait until it is idle. */
  laneKey: string | null = null;
  placed: PlacedContainer | undefined;
  /** Settles when it is gone; undefined while nobody has asked for its end. */
  ending: Promise<void> | undefined;
  /** What it was last used for: its options say how long it stays. */
  target: Target;
  /** It has worked on a call before. */
  warm = false;
  /** No call was sent to it since its code was loaded. */
  fresh = true;
  /** Adds to a failure what is known of its cause here. */
  explain: (error: RunError) => RunError = (error) => error;

  private connection: WorkerConnection | undefined;
  private readonly line: RunnerLine;
  private loadNumber = 0;
  private loadBegan = 0;
  private blockedCalls = 0;
  readonly deadlines: Deadlines;
  private readonly time: SharedTime;

  constructor(
    readonly id: string,
    /** The target it was started for: its app, image and choices of cards. */
    readonly origin: Target,
    /** Which of the choices it got; null on CPU. */
    readonly gpu: GpuRequest | null,
    readonly gpus: readonly Gpu[],
    private readonly clock: Clock,
    private readonly events: ContainerEvents,
  ) {
    this.startedAt = clock.now();
    this.time = new SharedTime(clock);
    this.line = new RunnerLine(clock, {
      answered: (answer, body) => this.receive(answer, body),
      lost: (calls, error) => {
        if (error !== undefined) this.events.linkBroken(this, error);
        else for (const call of calls) this.sendAgain(call);
      },
      lasting: (call) => this.connection?.send({ type: 'lasting', call: call.id }),
    });
    this.deadlines = new Deadlines(
      clock,
      () => this.inflight.values(),
      (call) => this.cancel(call, timedOut(call)),
    );
    this.load = origin.load;
    this.laneKey = origin.laneKey;
    this.target = origin;
  }

  get idle(): boolean {
    return this.state === 'ready' && this.inflight.size === 0;
  }

  /** Containers of one group have the same code loaded. Undefined where nothing is. */
  get groupKey(): string | undefined {
    return this.load === null ? undefined : groupOf(this.origin.poolKey, this.load.key);
  }

  /** True when a call in it waits for calls that it made: it holds its place without using it. */
  get blocked(): boolean {
    const working = Math.min(this.inflight.size, this.target.concurrency);
    return this.blockedCalls > 0 && this.blockedCalls >= working;
  }

  /** Counts what a call of this container waits for; +1 for each invocation that begins, -1 when it ends. */
  noteInvocation(call: Call, change: 1 | -1): void {
    const before = call.openInvocations;
    call.openInvocations = Math.max(0, before + change);
    if (!this.inflight.has(call.id)) return;
    if (before === 0 && change === 1) this.blockedCalls += 1;
    if (before === 1 && change === -1) this.blockedCalls -= 1;
  }

  /** How long it has been working on a call, in ms; of calls that it works on at once each has its share. */
  busyWith(call: Call): number {
    return call.startedAt === undefined ? 0 : this.time.since(call.shareFrom);
  }

  /** Takes over the worker's socket. */
  attach(connection: WorkerConnection): void {
    this.connection = connection;
    connection.receive({
      message: (message, body) => this.receive(message, body),
      log: (fd, call, bytes) => {
        this.events.printed(this, fd, call, bytes);
        this.line.printed(bytes.byteLength);
      },
      closed: (error) => {
        if (this.state === 'ended' || this.state === 'stopping') return;
        const reason = error ?? new VelarError('unreachable', 'The worker closed its connection.');
        this.events.linkBroken(this, reason);
      },
    });
    connection.onChannel((channel, socket) => this.events.debugChannel(this, channel, socket));
    connection.onRunner((load, runner) => {
      if (load === this.loadNumber && !this.line.open) this.line.attach(runner);
      else runner.close();
    });
  }

  /** Takes over the container of an earlier runtime. True where its runner has what the target needs. */
  adopt(placed: PlacedContainer, connection: WorkerConnection): boolean {
    const { loaded } = connection.hello;
    this.placed = placed;
    this.loadNumber = loaded?.load ?? 0;
    this.attach(connection);
    if (loaded?.key !== this.origin.load.key) return false;
    this.state = 'ready';
    this.warm = true;
    this.fresh = false;
    return true;
  }

  get link(): WorkerConnection | undefined {
    return this.connection;
  }

  /** Starts a fresh runner with this code. */
  startLoad(target: Target): void {
    this.line.drop();
    this.load = target.load;
    this.laneKey = target.laneKey;
    this.target = target;
    this.state = 'loading';
    this.fresh = true;
    this.loadNumber += 1;
    this.loadBegan = this.clock.monotonic();
    if (target.load.debug === true) this.events.debugLoad(this, this.loadNumber);
    else this.tellLoad(loadMessage(target, this.loadNumber));
  }

  /** Sends a load that was put off until debugging is ready for it. */
  sendLoad(load: number, debug: DebugRequest): void {
    this.tellLoad({ ...loadMessage(this.target, load), debug }, load);
  }

  /** Once the worker can read what it is to load. */
  private tellLoad(message: object, load = this.loadNumber): void {
    whenReadable(this.placed, this.target.load.bundle, (error) => {
      if (error !== undefined) this.failLoad(load, error);
      else if (load === this.loadNumber && this.state === 'loading') this.connection?.send(message);
    });
  }

  /** Sends calls of one lane, as one message. */
  dispatch(calls: readonly Call[]): void {
    const [first] = calls;
    if (first === undefined) return;
    const direct = mayGoDirect(first) && this.line.open && this.line.size === this.inflight.size;
    this.laneKey = first.target.laneKey;
    this.target = first.target;
    this.warm = true;
    this.fresh = false;
    for (const call of calls) {
      call.place();
      this.inflight.set(call.id, call);
    }
    const { header, body } = callMessage(first, calls);
    this.beginNext();
    if (direct) this.line.send(first, { ...header, direct }, body);
    else this.connection?.send(header, body);
  }

  /** By way of the supervisor, which also knows when the runner is gone; the runner knows what it has done already. */
  private sendAgain(call: Call): void {
    const { header, body } = callMessage(call, [call]);
    this.connection?.send({ ...header, again: true }, body);
  }

  /** Asks a call to end; `error` is what it then fails with. The runner is killed when it does not. */
  cancel(call: Call, error: RunError): void {
    if (call.ending !== undefined) return;
    call.ending = error;
    const reason = error.kind === 'timeout' ? 'timeout' : 'cancelled';
    const direct = this.line.has(call);
    const header = { type: 'cancel', call: call.id, graceMs: CANCEL_GRACE_MS, reason, direct };
    this.connection?.send(header);
    this.connection?.resume(); // Where its worker has to wait, its answer would never be read.
    if (call.startedAt === undefined) {
      // The worker passes it over when it gets there; nobody has to wait for that.
      this.release(call);
      this.events.failed(this, call, error);
      return;
    }
    call.cancelTimer = this.clock.timer(CANCEL_GRACE_MS + CANCEL_SLACK_MS, () => {
      const stuck = new VelarError('unreachable', 'The worker did not end a cancelled call.');
      if (this.inflight.has(call.id)) this.events.linkBroken(this, stuck);
    });
  }

  /** Ends it; calls it holds stay in `inflight` for the pool to settle. */
  async stop(graceMs: number): Promise<ContainerExit | undefined> {
    this.state = 'stopping';
    this.deadlines.stop();
    if (graceMs > 0) this.connection?.send({ type: 'stop', graceMs });
    if (this.placed === undefined) return undefined;
    const exit = await endPlaced(this.placed, graceMs, this.clock);
    this.line.drop();
    this.connection?.close();
    return exit;
  }

  /** Takes every call out of it: those that had begun and those that had not. */
  takeCalls(): { begun: Call[]; waiting: Call[] } {
    const calls = [...this.inflight.values()];
    for (const call of calls) this.release(call);
    return {
      begun: calls.filter((call) => call.startedAt !== undefined),
      waiting: calls.filter((call) => call.startedAt === undefined),
    };
  }

  private receive(message: WorkerMessage, body: Buffer): void {
    switch (message.type) {
      case 'result':
        this.succeed(message, message.modelLoadMs, body);
        break;
      case 'results':
        for (const { item, peak, data, error } of resultItems(message, body)) {
          if (peak !== undefined) this.inflight.get(item.call)?.held('host', peak);
          if (item.ok) this.succeed(item, 0, data);
          else this.fail(item, error);
        }
        break;
      case 'error':
        this.fail(message, message.error);
        break;
      case 'yield': {
        const call = this.inflight.get(message.call);
        if (call !== undefined && call.ending === undefined) call.sink.item(message.index, body);
        break;
      }
      case 'phase':
        if (message.call !== null) this.callPhase(message.call, message);
        else if (message.load === this.loadNumber) this.events.loadPhase(this, message);
        break;
      case 'loaded':
        if (message.load !== this.loadNumber || this.state !== 'loading') break;
        this.state = 'ready';
        this.events.loaded(this, this.clock.monotonic() - this.loadBegan);
        break;
      case 'load-failed':
        this.failLoad(message.load, message.error);
        break;
      case 'debug-probe':
        this.events.debug(this, message);
        break;
      case 'debug-waiting':
      case 'debug-going':
        if (message.load === this.loadNumber) this.events.debug(this, message);
        break;
      case 'runner-exit':
        this.line.whenRead(() => this.runnerExit(message));
        break;
      case 'memory':
        this.events.memory(this, message);
        break;
      case 'post-mortem':
        this.events.postMortem(this, message.call, body);
        break;
      case 'invoke':
      case 'inputs':
      case 'cancel-invocation':
        this.events.caller(this, message, body);
        break;
      case 'loading':
        if (message.load === this.loadNumber) this.line.started();
        break;
      case 'hello':
        break;
      default:
        message satisfies never;
    }
  }

  private succeed(
    { call: id, attempt, ms }: { call: number; attempt: number; ms: number },
    modelLoadMs: number,
    body: Buffer,
  ): void {
    const call = this.current(id, attempt);
    if (call === undefined) return;
    this.release(call);
    this.beginNext();
    if (call.ending === undefined) this.events.succeeded(this, call, { body, ms, modelLoadMs });
    else this.events.failed(this, call, call.ending);
  }

  private fail({ call: id, attempt }: { call: number; attempt: number }, error: RunError): void {
    const call = this.current(id, attempt);
    if (call === undefined) return;
    this.release(call);
    this.beginNext();
    this.events.failed(this, call, withTraceback(call.ending, this.explain(error)));
  }

  private current(id: number, attempt: number): Call | undefined {
    const call = this.inflight.get(id);
    return call?.attempt === attempt ? call : undefined;
  }

  private release(call: Call): void {
    this.inflight.delete(call.id);
    if (call.startedAt !== undefined) this.time.end();
    this.line.forget(call);
    if (call.openInvocations > 0) this.blockedCalls -= 1;
    call.openInvocations = 0;
    call.cancelTimer?.();
    call.cancelTimer = undefined;
  }

  private runnerExit(message: Extract<WorkerMessage, { type: 'runner-exit' }>): void {
    if (message.load !== this.loadNumber) return;
    this.line.drop();
    const loading = this.state === 'loading';
    if (this.state !== 'stopping') this.state = 'ready';
    const { begun, waiting } = this.takeCalls();
    this.events.runnerGone(this);
    const error = this.explain(message.error);
    for (const call of begun) this.events.failed(this, call, endOf(call, begun, error));
    for (const call of waiting) this.events.returned(this, call);
    if (loading) this.events.loadFailed(this, error);
    this.load = null;
    this.events.changed(this);
  }

  /** What was to be loaded can't be. */
  failLoad(load: number, error: RunError): void {
    if (load !== this.loadNumber || this.state !== 'loading') return;
    this.state = 'ready';
    this.events.loadFailed(this, this.explain(error));
    this.load = null;
    this.events.changed(this);
  }

  private callPhase(id: number, message: PhaseMessage): void {
    const call = this.inflight.get(id);
    if (call === undefined) return;
    if (message.phase === 'model-load') {
      // The timer of a deadline that came nearer would fire too late.
      if (noteModelLoad(call, message, this.clock.monotonic())) this.deadlines.moved();
    }
    call.sink.phase(message);
  }

  /** Notes which calls the worker works on now: the oldest ones, as many as it takes at once. */
  private beginNext(): void {
    if (this.inflight.size === 0) {
      this.deadlines.stop();
      return;
    }
    let begun = 0;
    for (const call of this.inflight.values()) {
      if (begun === call.target.concurrency) break;
      begun += 1;
      if (call.startedAt !== undefined) continue;
      call.startedAt = this.clock.monotonic();
      call.shareFrom = this.time.begin();
    }
    this.deadlines.watch();
  }
}
