/** The queue of one function's calls on one kind of container. */
import { batchSize, DurationEstimate, fitBytes, targetDepth } from './batching';
import type { Call } from './call';
import type { Target } from './target';

export class Lane {
  readonly durations = new DurationEstimate();
  /** Waited long enough for a busy container: the next decision may start another. */
  impatient = false;
  /** No start before this, in monotonic ms: the last one failed. */
  notBefore = 0;
  timer: (() => void) | undefined;
  private queue: Call[] = [];
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
    return this.queue.slice(this.head);
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
    const calls = this.queue.slice(this.head);
    this.queue = [];
    this.head = 0;
    return calls;
  }

  /** How many calls a container that holds `depth` should be given now. */
  roomIn(depth: number, containers: number): number {
    const { concurrency } = this.target;
    if (this.first?.batch !== true) return depth < concurrency ? 1 : 0;
    const target = targetDepth(this.durations.ms, concurrency);
    return batchSize(depth, target, this.waiting, containers);
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
    const taken = this.queue.slice(this.head, this.head + together);
    this.head += together;
    if (this.head > 1024 && this.head * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
    return taken;
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
