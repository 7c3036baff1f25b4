/** How long a container that came up for waiting calls is theirs, before others may have its place. Pure. */
import type { Clock } from './clock';

interface Turn {
  /** In monotonic ms. */
  cameAt: number;
  readyAt: number | undefined;
  used: boolean;
}

/**
 * Those who contend for a place would otherwise end each other's containers before they are of use. A turn
 * lasts for at least one dispatch and for as long as coming up took: at most half of the time goes into changes.
 */
export class Turns<C extends object> {
  private readonly turns = new WeakMap<C, Turn>();

  constructor(private readonly clock: Pick<Clock, 'monotonic'>) {}

  /** It starts, or loads other code. */
  coming(container: C): void {
    const cameAt = this.clock.monotonic();
    this.turns.set(container, { cameAt, readyAt: undefined, used: false });
  }

  /** It takes calls now. */
  ready(container: C): void {
    const turn = this.turns.get(container);
    if (turn !== undefined) turn.readyAt = this.clock.monotonic();
  }

  /** Calls were sent to it. */
  used(container: C): void {
    const turn = this.turns.get(container);
    if (turn?.readyAt !== undefined) turn.used = true;
  }

  /** True when its place may go to others though calls wait for it. */
  isOver(container: C): boolean {
    const turn = this.turns.get(container);
    if (turn?.readyAt === undefined) return true;
    return turn.used && this.clock.monotonic() - turn.readyAt >= turn.readyAt - turn.cameAt;
  }
}
