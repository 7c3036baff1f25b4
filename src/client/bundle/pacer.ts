/** Lets long synchronous work give way, so that the event loop is never held for long. */
import { setImmediate } from 'node:timers/promises';
import { VelarError } from '../../../runtime/protocol/errors';

/** Longest stretch of synchronous work, in ms. */
const stretchMs = 12;

export class Pacer {
  private since = performance.now();

  constructor(private readonly signal: AbortSignal) {}

  /** True when it is time to `rest`. Cheap enough to ask for every file. */
  get due(): boolean {
    return performance.now() - this.since > stretchMs;
  }

  /** Lets other work run. Throws `cancelled` when the signal is aborted. */
  async rest(): Promise<void> {
    await setImmediate();
    this.check();
    this.since = performance.now();
  }

  /** Throws `cancelled` when the signal is aborted. */
  check(): void {
    if (this.signal.aborted) throw new VelarError('cancelled', 'Cancelled.');
  }
}
