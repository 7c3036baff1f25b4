/** Newest state for one client: what a newer state replaces is never sent. */
import type { RuntimeMessage } from '../protocol/messages';
import type { Session } from './session';
import type { Flushable } from './streams';

/** States of a kind go out at most this often, so that short calls don't send one each, in ms. */
const SPACING_MS = 50;

/** Messages of which only the newest of a kind matters. */
export type FeedMessage = Extract<
  RuntimeMessage,
  { type: 'containers' | 'gpus' | 'deployments' | 'budgets' }
>;

export class Feed implements Flushable {
  private newest: FeedMessage | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly session: Session) {
    session.signal.addEventListener('abort', () => {
      clearTimeout(this.timer);
    });
  }

  offer(message: FeedMessage): void {
    this.newest = message;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.session.schedule(this);
    }, SPACING_MS).unref();
  }

  flush(): void {
    const message = this.newest;
    this.newest = undefined;
    if (message !== undefined) this.session.send(message);
  }
}
