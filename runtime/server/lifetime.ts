/** When the embedded runtime ends by itself: some time after its last client has left. */

import type { ClientCount } from './sessions';

export interface LifetimeLimits {
  /** For the first client to come, in ms. */
  firstClientMs: number;
  /** For a client to come back after the last has left, in ms. */
  lastClientMs: number;
}

export const EMBEDDED_LIMITS: LifetimeLimits = { firstClientMs: 30_000, lastClientMs: 10_000 };

export class Lifetime {
  private timer: NodeJS.Timeout | undefined;
  private present: ClientCount = { connected: 0, expected: 0 };
  private parentGone = false;
  private released = false;
  private over = false;

  /** @param end called once */
  constructor(
    private readonly limits: LifetimeLimits,
    private readonly end: (reason: string) => void,
  ) {
    this.arm(limits.firstClientMs, 'no client came');
  }

  /** Who is connected now. */
  clients(present: ClientCount): void {
    this.present = present;
    if (present.connected > 1) this.released = false;
    if (present.connected > 0) {
      clearTimeout(this.timer);
      this.timer = undefined;
    } else if (this.timer === undefined) {
      this.arm(this.limits.lastClientMs, 'the last client left');
    }
    this.endUnwanted();
  }

  /** The client that asks is about to leave and needs nothing more. True when that ends the runtime. */
  release(): boolean {
    const { connected, expected } = this.present;
    this.released = connected + expected <= 1;
    return this.released;
  }

  /** Whoever started this runtime is gone. Clients that others connected keep it. */
  parentEnded(): void {
    this.parentGone = true;
    this.endUnwanted();
  }

  /** Arms nothing any more. */
  stop(): void {
    this.over = true;
    clearTimeout(this.timer);
  }

  /** At once when everybody said goodbye; a client that dropped may be coming back, and the timer runs for it. */
  private endUnwanted(): void {
    const { connected, expected } = this.present;
    if (connected + expected > 0) return;
    if (this.released) this.finish('its last client needs it no more');
    else if (this.parentGone) this.finish('the process that started it ended');
  }

  private arm(ms: number, reason: string): void {
    if (this.over) return;
    this.timer = setTimeout(() => {
      this.finish(reason);
    }, ms);
  }

  private finish(reason: string): void {
    if (this.over) return;
    this.stop();
    this.end(reason);
  }
}
