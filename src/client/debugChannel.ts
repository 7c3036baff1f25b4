/** Streams to debugpy in a run's container, and the wait for a container's next call. */
import { VelarError } from '../../runtime/protocol/errors';
import type { ClientConnection, ClientStream } from './api';

/**
 * Opens a channel of a debug run, both ways; what goes over it stands at `debug.open` in the protocol's methods. Once
 * the run's record says `debug.state` is `waiting`, or later for a process that joins. Call `end()` to detach. Throws
 * `not-found`, `conflict`.
 */
export async function openDebugChannel(
  connection: ClientConnection,
  run: string,
): Promise<ClientStream> {
  const stream = connection.openStream(false);
  try {
    await connection.request('debug.open', { run, stream: stream.id });
  } catch (error) {
    stream.abandon();
    throw error;
  }
  return stream;
}

/**
 * Resolves with the run of the container's next call, which then waits for a client: `attachRun`, then
 * `openDebugChannel`. `signal` gives up, here and on the runtime. Throws `not-found`, `conflict`, `cancelled`.
 */
export async function awaitDebugCall(
  connection: ClientConnection,
  container: string,
  signal: AbortSignal,
): Promise<string> {
  if (signal.aborted) throw new VelarError('cancelled', 'Cancelled.');
  const giveUp = (): void => {
    // A session that is gone waits for nothing any more.
    connection.request('debug.giveUp', { container }).catch(() => undefined);
  };
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    const { run } = await connection.request('debug.awaitCall', { container }, signal);
    return run;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
