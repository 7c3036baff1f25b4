/** Clients that take in nothing of their answer. */
import type { ServerResponse } from 'node:http';

/** How long nothing of an answer may get away before its connection is given up, in ms. */
export const STALLED_MS = 60_000;

/**
 * Watches an answer from here on, while something of it waits to get away. Returns the undo. Node's own timer of the
 * socket counts each part of a large write that gets away.
 */
export function watchStall(
  { socket }: ServerResponse,
  stalled: () => void,
  afterMs = STALLED_MS,
): () => void {
  if (socket === null) return () => undefined;
  socket.setTimeout(afterMs);
  socket.once('timeout', stalled);
  return () => {
    socket.off('timeout', stalled);
    socket.setTimeout(0);
  };
}
