/** Which single inputs of a run's `.map`s held the most memory, by device. */
import type { InputPeak } from '../protocol/events';
import type { Call } from './call';
import { worksAtOnce } from './callMessage';
import type { Invoke } from './invocation';

export class InputPeaks {
  private readonly largest = new Map<string, InputPeak>();
  private apart = true;

  ended(map: Invoke, index: number, call: Call): void {
    // Nobody can say which of those that ran at once held what.
    if (worksAtOnce(call)) this.apart = false;
    if (call.peakBytes === undefined) return;
    for (const [device, bytes] of Object.entries(call.peakBytes)) {
      if (bytes <= (this.largest.get(device)?.bytes ?? 0)) continue;
      this.largest.set(device, { device, bytes, function: map.function, index });
    }
  }

  /** Null where the memory of some was not told apart: any of them may have held more. */
  list(): InputPeak[] | null {
    return this.apart ? [...this.largest.values()] : null;
  }
}
