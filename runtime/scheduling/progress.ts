/**
 * How far the calls of a run are, and how fast the inputs of its `.map`s go: told on change, at most four times a
 * second, and now and then while nothing ends, since the pace drops then.
 */
import type { BatchEvent } from '../protocol/events';
import type { RunError } from '../protocol/values';
import { costOf } from '../metering/cost';
import type { PriceTable } from '../metering/prices';
import type { FailedInputStore } from '../store/failedInputs';
import type { Call } from './call';
import type { Clock } from './clock';
import { FailedInputs, type FailedInput } from './failedInputs';
import { InputPeaks } from './inputPeaks';
import type { Invoke } from './invocation';
import { Pace } from './pace';
import type { Run } from './run';

const AT_MOST_EVERY_MS = 250;
/** While inputs are worked on and none ends. */
const AT_LEAST_EVERY_MS = 2_000;

/** An input that has got its result, or its error. */
export interface EndedInput {
  /** Its place among the inputs of its invocation, from 0. */
  index: number;
  call: Call;
  error?: RunError;
}

export class CallProgress {
  private readonly calls = { done: 0, failed: 0, total: 0 };
  private readonly inputs = { done: 0, failed: 0, cancelled: 0, total: 0 };
  /** Maps whose inputs have not been read to their end. */
  private readonly reading = new Set<Invoke>();
  private readonly failures: FailedInputs;
  private readonly peaks = new InputPeaks();
  private readonly pace = new Pace();
  private toldAt = -Infinity;
  private timer: (() => void) | undefined;
  private changed = false;

  constructor(
    private readonly run: Run,
    private readonly clock: Clock,
    private readonly prices: PriceTable,
    store: FailedInputStore,
  ) {
    // Calls of what is deployed are made again by whoever called it.
    const deployed = run.params.environment !== undefined;
    this.failures = new FailedInputs((input) => !deployed && store.append(run.id, input));
  }

  /** A map that is about to begin has the number that it had in the run which this one is a rerun of. */
  numbered(map: Invoke, number: number): void {
    this.failures.numbered(map, number);
  }

  /** Inputs have come; `last`: no more will. */
  started(invoke: Invoke, count: number, last: boolean): void {
    this.calls.total += count;
    if (invoke.mode === 'map') {
      this.failures.began(invoke);
      if (this.open === 0) this.pace.stop();
      this.inputs.total += count;
      if (!last) this.reading.add(invoke);
      else this.reading.delete(invoke);
    }
    this.change();
  }

  /** An input was sent to a container. */
  dispatched(invoke: Invoke): void {
    if (invoke.mode !== 'map' || this.pace.running) return;
    this.pace.begin(this.clock.monotonic(), this.ended);
  }

  inputEnded(invoke: Invoke, { index, call, error }: EndedInput): void {
    this.calls[error === undefined ? 'done' : 'failed'] += 1;
    if (invoke.mode === 'map') {
      const how =
        error === undefined ? 'done' : error.kind === 'cancelled' ? 'cancelled' : 'failed';
      this.inputs[how] += 1;
      this.peaks.ended(invoke, index, call);
      if (how === 'failed' && error !== undefined) this.keepFailure(invoke, { index, call, error });
    }
    this.change();
  }

  /** Nothing more comes of an invocation. */
  over(invoke: Invoke): void {
    this.failures.over(invoke);
    if (this.reading.delete(invoke)) this.change();
  }

  /** Tells the last state now, at the end of the run. */
  close(): void {
    if (this.changed) this.tell();
    this.timer?.();
    this.timer = undefined;
  }

  private get ended(): number {
    return this.inputs.done + this.inputs.failed + this.inputs.cancelled;
  }

  /** Inputs that wait or are worked on. */
  private get open(): number {
    return this.inputs.total - this.ended;
  }

  private change(): void {
    if (this.changed || !this.run.active) return;
    this.changed = true;
    const wait = this.toldAt + AT_MOST_EVERY_MS - this.clock.monotonic();
    if (wait <= 0) this.tell();
    else this.tellIn(wait);
  }

  private tellIn(ms: number): void {
    this.timer?.();
    this.timer = this.clock.timer(ms, () => this.tell());
  }

  private tell(): void {
    this.timer?.();
    this.timer = undefined;
    this.changed = false;
    this.toldAt = this.clock.monotonic();
    const at = this.clock.now();
    this.run.together(() => {
      this.run.publish({ type: 'calls', at, ...this.calls });
      if (this.inputs.total > 0) this.run.publish(this.batch(at));
    });
    if (this.open > 0 && this.run.active) this.tellIn(AT_LEAST_EVERY_MS);
  }

  private keepFailure(invoke: Invoke, failed: FailedInput): void {
    const event = this.failures.add(invoke, failed, this.clock.now());
    if (event !== undefined) this.run.publish(event);
  }

  private batch(at: number): BatchEvent {
    const complete = this.reading.size === 0;
    const perSecond = this.pace.perSecond(this.toldAt, this.ended);
    const leftMs = complete && perSecond !== null ? (this.open / perSecond) * 1000 : null;
    const cost = costOf(this.run.usage, this.prices);
    const { kept } = this.failures;
    const again = kept === 0 ? {} : { kept };
    const peaks = this.peaks.list();
    return {
      type: 'batch',
      at,
      ...this.inputs,
      complete,
      ...again,
      perSecond,
      leftMs,
      cost,
      peaks,
    };
  }
}

/** The progress of every run. */
export class RunsProgress {
  private readonly all = new WeakMap<Run, CallProgress>();

  constructor(
    private readonly clock: Clock,
    private readonly prices: PriceTable,
    private readonly store: FailedInputStore,
  ) {}

  of(run: Run): CallProgress {
    const known = this.all.get(run);
    if (known !== undefined) return known;
    const made = new CallProgress(run, this.clock, this.prices, this.store);
    this.all.set(run, made);
    return made;
  }
}
