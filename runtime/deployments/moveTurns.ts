/** Changes of what an environment serves: one after another for each app and environment, in the order they came. */
import { VelarError } from '../protocol/errors';

interface Turn {
  /** For those who wait for it. */
  what: string;
  begin: () => void;
}

export class MoveTurns {
  /** By owner, the one that goes on first. */
  private readonly lines = new Map<string, Turn[]>();

  /** What goes on there; undefined where nothing does. */
  going(owner: string): string | undefined {
    return this.lines.get(owner)?.[0]?.what;
  }

  /**
   * Resolves, with what ends the turn, once all that came before are over. `waits` hears for what, before this
   * returns. Rejects with `cancelled`.
   */
  take(
    owner: string,
    what: string,
    signal: AbortSignal,
    waits: (what: string) => void,
  ): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const line = this.lines.get(owner) ?? [];
      this.lines.set(owner, line);
      const over = (): void => this.leave(owner, turn);
      const turn: Turn = {
        what,
        begin: () => {
          signal.removeEventListener('abort', abort);
          resolve(over);
        },
      };
      const abort = (): void => {
        over();
        reject(new VelarError('cancelled', 'Cancelled.'));
      };
      const [first] = line;
      line.push(turn);
      if (signal.aborted) abort();
      else if (first === undefined) turn.begin();
      else {
        signal.addEventListener('abort', abort, { once: true });
        waits(first.what);
      }
    });
  }

  private leave(owner: string, turn: Turn): void {
    const line = this.lines.get(owner) ?? [];
    const index = line.indexOf(turn);
    if (index === -1) return;
    line.splice(index, 1);
    if (index === 0) line[0]?.begin();
    if (line.length === 0) this.lines.delete(owner);
  }
}
