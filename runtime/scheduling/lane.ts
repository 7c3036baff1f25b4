/** The queue of one function's calls on one kind of container. */
import { batchSize, DurationEstimate, fitBytes, targetDepth } from './batching';
import type { Call } from './call';
import type { Run } from './run';
import type { Target } from './target';

/** `line`: the things any of which is waited for. `alone`: nothing is said of one who is first in line. */
export interface Wait {
  reason: string;
  line: readonly string[];
  alone: boolean;
}

export class Lane {
  readonly durations = new DurationEstimate();
  /** Waited long enough for a busy container: the next decision may start another. */
  impatient = false;
  /** Why its calls wait, and for what, as the last decision said. */
  wait: Wait | undefined;
  timer: (() => void) | undefined;
  /** From `head` on; a place before it is empty, so that an input goes with its call. */
  private queue: (Call | undefined)[] = [];
  private head = 0;

  constructor(
    readonly target: Target,
    /** Order among the lanes of an app: when its oldest waiting call came. */
    public since: number,
  ) {}

  get key(): string {
    return this.target.laneKey;
  }

  get waiting(): number {
    return this.queue.length - this.head;
  }

  /** The next call, or undefined. */
  get first(): Call | undefined {
    return this.queue[this.head];
  }

  get calls(): readonly Call[] {
    return this.waitingCalls();
  }

  /** The next call of each run that waits here, in order. */
  firstOfRuns(): Call[] {
    const runs = new Map<Run, Call>();
    for (let index = this.head; index < this.queue.length; index += 1) {
      const call = this.queue[index];
      if (call !== undefined && !runs.has(call.run)) runs.set(call.run, call);
    }
    return [...runs.values()];
  }

  push(call: Call): void {
    call.state = 'waiting';
    this.queue.push(call);
  }

  /** Calls that come back go first, in their order. */
  unshift(calls: readonly Call[]): void {
    for (const call of calls) call.state = 'waiting';
    this.queue = [...calls, ...this.calls];
    this.head = 0;
  }

  remove(call: Call): void {
    this.queue = this.calls.filter((each) => each !== call);
    this.head = 0;
  }

  /** Takes every waiting call. */
  drain(): Call[] {
    const calls = this.waitingCalls();
    this.queue = [];
    this.head = 0;
    return calls;
  }

  /** How many calls a container that holds `depth` should be given now. */
  roomIn(depth: number, containers: number): number {
    const { concurrency } = this.target;
    const { first } = this;
    if (first?.batch !== true) return depth < concurrency ? 1 : 0;
    const target = targetDepth(this.durations.ms, concurrency, first.input.body.byteLength);
    return batchSize(depth, target, this.waiting, containers, concurrency);
  }

  /** Takes calls from the front that can travel together: up to `count` of a batch, else one. */
  take(count: number): Call[] {
    const first = this.first;
    if (first === undefined) return [];
    let together = 1;
    if (first.batch) {
      const limit = Math.min(count, this.waiting);
      while (together < limit && this.goesWith(first, this.queue[this.head + together]))
        together += 1;
      together = fitBytes(this.sizes(together), together);
    }
    const taken: Call[] = [];
    for (const end = this.head + together; this.head < end; this.head += 1) {
      const call = this.queue[this.head];
      if (call !== undefined) taken.push(call);
      this.queue[this.head] = undefined;
    }
    if (this.head > 1024 && this.head * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
    return taken;
  }

  private waitingCalls(): Call[] {
    return this.queue.slice(this.head).filter((call) => call !== undefined);
  }

  private goesWith(first: Call, other: Call | undefined): boolean {
    return (
      other !== undefined &&
      other.batch &&
      other.run === first.run &&
      other.output === first.output &&
      other.input.format === first.input.format &&
      other.input.instance === first.input.instance
    );
  }

  private *sizes(count: number): Generator<number> {
    for (let index = 0; index < count; index += 1) {
      yield this.queue[this.head + index]?.input.body.byteLength ?? 0;
    }
  }
}
