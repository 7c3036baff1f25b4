/** How many calls a batch or entrypoint has made: told on change, at most ten times a second. */
import type { Clock } from './clock';
import type { Run } from './run';

const AT_MOST_EVERY_MS = 100;

export class CallProgress {
  private done = 0;
  private failed = 0;
  private total = 0;
  private toldAt = -Infinity;
  private timer: (() => void) | undefined;

  constructor(
    private readonly run: Run,
    private readonly clock: Clock,
  ) {}

  started(calls: number): void {
    this.total += calls;
    this.changed();
  }

  ended(ok: boolean): void {
    if (ok) this.done += 1;
    else this.failed += 1;
    this.changed();
  }

  /** Tells the last state now, at the end of the run. */
  flush(): void {
    if (this.timer !== undefined) this.tell();
  }

  private changed(): void {
    if (this.timer !== undefined) return;
    const wait = this.toldAt + AT_MOST_EVERY_MS - this.clock.monotonic();
    if (wait <= 0) this.tell();
    else this.timer = this.clock.timer(wait, () => this.tell());
  }

  private tell(): void {
    this.timer?.();
    this.timer = undefined;
    this.toldAt = this.clock.monotonic();
    const { done, failed, total } = this;
    this.run.publish({ type: 'calls', at: this.clock.now(), done, failed, total });
  }
}
