/** The end of a container whose worker was told to end. */
import type { ContainerExit, PlacedContainer } from '../engines/engine';
import type { Clock } from './clock';

/** Between SIGTERM and SIGKILL for a worker that did not end when told to, in ms. */
const TERMINATE_GRACE_MS = 1000;

/**
 * Waits for its end; the engine's own signal comes when the worker has not ended after `graceMs`. Rejects where
 * the engine could not give it.
 */
export async function endPlaced(
  placed: PlacedContainer,
  graceMs: number,
  clock: Clock,
): Promise<ContainerExit> {
  let cancel = (): void => undefined;
  const refused = new Promise<never>((_, reject) => {
    cancel = clock.timer(graceMs, () => {
      placed.stop(graceMs === 0 ? 0 : TERMINATE_GRACE_MS).catch(reject);
    });
  });
  try {
    return await Promise.race([placed.exited, refused]);
  } finally {
    cancel();
  }
}
