/** Notices that a remote runtime has gone silent while something is expected of it. */

/** Silence after which the runtime is asked, and how long it may take to answer. In ms. */
const QUIET_MS = 15_000;
const PONG_MS = 10_000;

export interface LivenessHooks {
  /** True while an answer, an event or data may come. */
  expecting(): boolean;
  ping(): void;
  /** Nothing came back: the socket is dead although nobody closed it. */
  dead(): void;
}

/** One timer, and only while something is expected: an idle connection costs nothing. */
export class Liveness {
  private timer: NodeJS.Timeout | undefined;
  private lastReceived = 0;
  private asked = false;

  constructor(
    private readonly hooks: LivenessHooks,
    private readonly now: () => number = Date.now,
  ) {}

  /** Something was received. */
  received(): void {
    this.lastReceived = this.now();
    this.asked = false;
  }

  /** Something may be expected from now on. */
  watch(): void {
    if (this.timer !== undefined) return;
    this.lastReceived = this.now();
    this.arm(QUIET_MS);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.asked = false;
  }

  private arm(delayMs: number): void {
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.check();
    }, delayMs);
    this.timer.unref();
  }

  private check(): void {
    if (!this.hooks.expecting()) return;
    const quiet = this.now() - this.lastReceived;
    if (quiet < QUIET_MS) {
      this.arm(QUIET_MS - quiet);
    } else if (this.asked) {
      this.hooks.dead();
    } else {
      this.asked = true;
      this.hooks.ping();
      this.arm(PONG_MS);
    }
  }
}
