/** The end of a container whose worker was told to end. */
import type { ContainerExit, PlacedContainer } from '../engines/engine';
import type { Clock } from './clock';

/** Between SIGTERM and SIGKILL for a worker that did not end when told to, in ms. */
const TERMINATE_GRACE_MS = 1000;

/** Waits for its end; the engine's own signal comes when the worker has not ended after `graceMs`. */
export async function endPlaced(
  placed: PlacedContainer,
  graceMs: number,
  clock: Clock,
): Promise<ContainerExit> {
  const cancel = clock.timer(graceMs, () => {
    // Its end is what is awaited below; `stop` itself never rejects.
    void placed.stop(graceMs === 0 ? 0 : TERMINATE_GRACE_MS);
  });
  try {
    return await placed.exited;
  } finally {
    cancel();
  }
}
