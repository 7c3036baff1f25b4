/** One `.remote`, `.map`, `.remote_gen` or `.spawn`: its inputs become calls, their ends become outputs. */
import type { RunError } from '../protocol/values';
import type { CallerMessage } from '../protocol/workerMessages';
import type { Call, CallSink } from './call';
import type { EndedInput } from './progress';
import type { Target } from './target';

/** Inputs are granted again in portions, so that credit messages stay rare. */
const GRANT_EVERY = 250;
/** Outputs that wait to be sent together. */
const MAX_HELD_BYTES = 8 * 1024 * 1024;

/** Results on their way to a caller, and those that calls under way may have; a caller that is slower holds calls back. */
export const MAX_UNTAKEN_BYTES = 64 * 1024 * 1024;
/** Smaller results are not worth the look: a caller reads no further ahead than some thousand inputs. */
const LARGE_RESULT_BYTES = 16 * 1024;
/** So many calls are under way however large their results are. */
const MIN_UNDER_WAY = 32;
/** The same until the first result has shown how large they are. */
const FIRST_UNDER_WAY = 64;

export interface OutputItem {
  index: number;
  ok: boolean;
  size: number;
  /** Number of a generator's item; absent for the end of the call. */
  yield?: number;
  error?: RunError;
}

/** Who counts the inputs of an invocation. */
export interface InvocationProgress {
  started(invoke: Invoke, count: number, last: boolean): void;
  inputEnded(invoke: Invoke, input: EndedInput): void;
  over(invoke: Invoke): void;
}

/** What an invocation needs of the session around it. */
export interface InvocationHost {
  /** Results wait because the caller takes them more slowly than they come; `resume` follows. */
  behind(): boolean;
  send(header: object, body?: Buffer): void;
  submit(calls: readonly Call[]): void;
  cancel(call: Call, error: RunError): void;
  makeCall(target: Target, input: Buffer, invoke: Invoke, sink: CallSink): Call;
  /** The phases of the run that it belongs to. */
  sinkOf(target: Target, invoke: Invoke): Omit<CallSink, 'item' | 'succeeded' | 'failed'>;
  progress: InvocationProgress;
  ended(invocation: Invocation): void;
}

export type Invoke = Extract<CallerMessage, { type: 'invoke' }>;
export type Inputs = Extract<CallerMessage, { type: 'inputs' }>;

export class Invocation {
  private target: Target | undefined;
  private early: { inputs: Inputs; body: Buffer }[] = [];
  private readonly open = new Set<Call>();
  private last = false;
  private over = false;
  private delivered = 0;
  private held: OutputItem[] = [];
  private heldBodies: Buffer[] = [];
  private heldBytes = 0;
  private flushQueued = false;
  /** Calls that are held back until their results can be taken; they are open too. */
  private parked: Call[] = [];
  private ends = 0;
  private results = 0;
  private resultBytes = 0;

  constructor(
    readonly invoke: Invoke,
    private readonly host: InvocationHost,
  ) {}

  get spawned(): boolean {
    return this.invoke.mode === 'spawn';
  }

  get calls(): Iterable<Call> {
    return this.open;
  }

  /** What it calls is known: inputs that came before are submitted. */
  resolved(target: Target): void {
    if (this.over) return;
    this.target = target;
    const early = this.early;
    this.early = [];
    for (const { inputs, body } of early) this.take(inputs, body);
  }

  inputs(inputs: Inputs, body: Buffer): void {
    if (this.over) return;
    if (this.target === undefined) this.early.push({ inputs, body });
    else this.take(inputs, body);
  }

  /** Ends it as a whole: the function is not known, can't be placed. */
  fail(error: RunError): void {
    this.finish(error);
  }

  /** Nobody wants what is left of it. */
  cancel(error: RunError): void {
    for (const call of [...this.open]) this.host.cancel(call, error);
    this.finish(error);
  }

  private take(inputs: Inputs, body: Buffer): void {
    const { target } = this;
    if (target === undefined) return;
    const calls: Call[] = [];
    let offset = 0;
    for (const [position, size] of inputs.sizes.entries()) {
      const input = body.subarray(offset, offset + size);
      offset += size;
      calls.push(this.newCall(target, input, inputs.first + position));
    }
    this.last ||= inputs.last;
    this.host.progress.started(this.invoke, calls.length, this.last);
    for (const call of calls) this.open.add(call);
    this.submit(calls);
    if (this.last && this.open.size === 0) this.finish();
  }

  /** The caller has taken what waited for it. */
  resume(): void {
    this.release();
  }

  /** Of calls that are open already. */
  private submit(calls: Call[]): void {
    if (this.parked.length === 0 && !this.host.behind() && this.room >= 0) {
      this.host.submit(calls);
      return;
    }
    for (const call of calls) this.parked.push(call);
    this.release();
  }

  private release(): void {
    if (this.parked.length === 0 || this.over || this.host.behind()) return;
    this.parked = this.parked.filter(({ state }) => state !== 'ended');
    const next = this.parked.slice(0, Math.max(0, this.room));
    this.parked = this.parked.slice(next.length);
    if (next.length > 0) this.host.submit(next);
  }

  /** How many more calls may be under way. */
  private get room(): number {
    const underWay = this.open.size - this.parked.length;
    if (this.ends === 0) return FIRST_UNDER_WAY - underWay;
    const mean = this.results === 0 ? 0 : this.resultBytes / this.results;
    if (mean < LARGE_RESULT_BYTES) return Infinity;
    return Math.max(MIN_UNDER_WAY, Math.floor(MAX_UNTAKEN_BYTES / mean)) - underWay;
  }

  private newCall(target: Target, input: Buffer, index: number): Call {
    const call: Call = this.host.makeCall(target, input, this.invoke, {
      ...this.host.sinkOf(target, this.invoke),
      item: (number, body) => {
        this.hold({ index, ok: true, size: body.byteLength, yield: number }, body);
      },
      succeeded: ({ body }) => {
        this.results += 1;
        this.resultBytes += body.byteLength;
        this.hold({ index, ok: true, size: body.byteLength }, body);
        this.ended({ index, call });
      },
      failed: (raised) => {
        const error = call.run.errorFor(call.id, raised);
        this.hold({ index, ok: false, size: 0, error });
        this.ended({ index, call, error });
      },
    });
    return call;
  }

  private ended(input: EndedInput): void {
    const { call } = input;
    this.open.delete(call);
    call.run.calls.delete(call);
    this.delivered += 1;
    this.ends += 1;
    this.host.progress.inputEnded(this.invoke, input);
    if (this.parked.length > 0) this.release();
    if (this.last && this.open.size === 0) this.finish();
  }

  private hold(item: OutputItem, body?: Buffer): void {
    if (this.over) return;
    if (this.heldBytes + item.size > MAX_HELD_BYTES) this.flush();
    this.held.push(item);
    if (body !== undefined) this.heldBodies.push(body);
    this.heldBytes += item.size;
    if (this.flushQueued) return;
    this.flushQueued = true;
    queueMicrotask(() => {
      this.flushQueued = false;
      this.flush();
    });
  }

  private flush(): void {
    if (this.held.length > 0) {
      const header = {
        type: 'outputs',
        invocation: this.invoke.invocation,
        items: this.held,
      };
      const body =
        this.heldBodies.length === 1 ? this.heldBodies[0] : Buffer.concat(this.heldBodies);
      this.held = [];
      this.heldBodies = [];
      this.heldBytes = 0;
      this.host.send(header, body);
    }
    if (this.over || this.last || this.delivered < GRANT_EVERY) return;
    this.host.send({
      type: 'credit',
      invocation: this.invoke.invocation,
      inputs: this.delivered,
    });
    this.delivered = 0;
  }

  private finish(error?: RunError): void {
    if (this.over) return;
    this.flush();
    this.over = true;
    this.host.progress.over(this.invoke);
    this.host.send({
      type: 'invocation-end',
      invocation: this.invoke.invocation,
      ...(error === undefined ? {} : { error }),
    });
    this.host.ended(this);
  }
}
