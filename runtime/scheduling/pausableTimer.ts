/** A timer that can stand still. */
import type { Clock } from './clock';

export class PausableTimer {
  private undo: (() => void) | undefined;
  private startedAt = 0;
  private paused = false;

  /** Calls back once, after `leftMs` during which it was not paused. */
  constructor(
    private readonly clock: Clock,
    private leftMs: number,
    private readonly callback: () => void,
  ) {
    this.run();
  }

  pause(): void {
    if (this.undo === undefined) return;
    this.undo();
    this.undo = undefined;
    this.paused = true;
    this.leftMs -= this.clock.monotonic() - this.startedAt;
  }

  resume(): void {
    if (this.paused) this.run();
  }

  cancel(): void {
    this.undo?.();
    this.undo = undefined;
    this.paused = false;
  }

  private run(): void {
    this.paused = false;
    this.startedAt = this.clock.monotonic();
    this.undo = this.clock.timer(this.leftMs, () => {
      this.undo = undefined;
      this.callback();
    });
  }
}
