/** When the embedded runtime ends by itself: some time after its last client has left, and its last run has ended. */

import type { ClientCount } from './sessions';

export interface LifetimeLimits {
  /** For the first client to come, in ms. */
  firstClientMs: number;
  /** For a client to come back after the last has left, in ms. */
  lastClientMs: number;
  /** How long runs may go on while no client is there, in ms; 0: they end with the last client. */
  runsMs: number;
}

/** Names the hours that runs may go on for; 0 where whoever starts the runtime ends all that it started. */
export const AWAY_HOURS_VARIABLE = 'VELAR_AWAY_HOURS';
const AWAY_HOURS = 12;
const HOUR_MS = 3_600_000;

/** Anything but a number of hours in the environment leaves the default. */
export function embeddedLimits(environment: NodeJS.ProcessEnv): LifetimeLimits {
  const given = environment[AWAY_HOURS_VARIABLE] ?? '';
  const hours = given === '' ? Number.NaN : Number(given);
  const runsMs = (hours >= 0 && hours <= 24 * 7 ? hours : AWAY_HOURS) * HOUR_MS;
  return { firstClientMs: 30_000, lastClientMs: 10_000, runsMs };
}

export class Lifetime {
  private timer: NodeJS.Timeout | undefined;
  private present: ClientCount = { connected: 0, expected: 0 };
  private active = 0;
  private parentGone = false;
  private released = false;
  /** It would have ended, and stays for its runs. */
  private kept = false;
  private over = false;

  /**
   * @param end called once
   * @param tell what it does that nobody would expect
   */
  constructor(
    private readonly limits: LifetimeLimits,
    private readonly end: (reason: string) => void,
    private readonly tell: (message: string) => void = () => undefined,
  ) {
    this.arm(limits.firstClientMs, 'no client came');
  }

  /** Who is connected now. */
  clients(present: ClientCount): void {
    this.present = present;
    if (present.connected > 1) this.released = false;
    if (present.connected > 0) {
      this.kept = false;
      this.disarm();
    } else if (this.timer === undefined) {
      this.arm(this.limits.lastClientMs, 'the last client left');
    }
    this.endUnwanted();
  }

  /** How many runs go on. */
  runs(active: number): void {
    this.active = active;
    if (active > 0 || !this.kept) return;
    this.kept = false;
    this.disarm();
    // Whoever started the last run may be about to come back for its result.
    this.arm(this.limits.lastClientMs, 'its last run ended, and no client is there');
  }

  /** The client that asks is about to leave and needs nothing more. True when that ends the runtime. */
  release(): boolean {
    const { connected, expected } = this.present;
    this.released = connected + expected <= 1;
    return this.released && !this.needed;
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

  private get needed(): boolean {
    return this.active > 0 && this.limits.runsMs > 0;
  }

  /** At once when everybody said goodbye; a client that dropped may be coming back, and the timer runs for it. */
  private endUnwanted(): void {
    const { connected, expected } = this.present;
    if (connected + expected > 0) return;
    if (this.released) this.finishUnlessNeeded('its last client needs it no more');
    else if (this.parentGone) this.finishUnlessNeeded('the process that started it ended');
  }

  private arm(ms: number, reason: string): void {
    if (this.over) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.finishUnlessNeeded(reason);
    }, ms);
  }

  private disarm(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private finishUnlessNeeded(reason: string): void {
    if (this.over || this.kept) return;
    if (!this.needed) {
      this.finish(reason);
      return;
    }
    const hours = this.limits.runsMs / HOUR_MS;
    const going = this.active === 1 ? '1 run goes on' : `${String(this.active)} runs go on`;
    this.tell(`No client is there (${reason}), but ${going}: stays up for ${String(hours)} h`);
    this.kept = true;
    this.disarm();
    const late = `no client came back within ${String(hours)} h, though runs went on`;
    this.timer = setTimeout(() => {
      this.finish(late);
    }, this.limits.runsMs);
  }

  private finish(reason: string): void {
    if (this.over) return;
    this.stop();
    this.end(reason);
  }
}
