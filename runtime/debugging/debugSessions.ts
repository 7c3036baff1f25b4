/** Who debugs what: the debug runs there are, their channels, and who waits for a container's next call. */
import type { Duplex } from 'node:stream';
import { VelarError } from '../protocol/errors';
import type { DebugService } from '../scheduling/service';

export class DebugSessions implements DebugService {
  open(_run: string, _channel: Duplex): void {
    throw new VelarError('unsupported', 'This runtime can’t debug.');
  }

  awaitCall(): Promise<string> {
    return Promise.reject(new VelarError('unsupported', 'This runtime can’t debug.'));
  }

  giveUp(): void {
    // Nobody waits.
  }
}
