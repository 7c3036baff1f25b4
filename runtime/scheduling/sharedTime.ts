/** Time of a container, split evenly among the calls that it works on at once. */
import type { Clock } from './clock';

export class SharedTime {
  private working = 0;
  /** What one who worked all the time would have got so far, in ms. */
  private share = 0;
  private at = 0;

  constructor(private readonly clock: Clock) {}

  /** A call begins; returns where it stands. */
  begin(): number {
    this.advance();
    this.working += 1;
    return this.share;
  }

  /** A call is over. */
  end(): void {
    this.advance();
    this.working -= 1;
  }

  /** What a call has got that began at `from`, in ms. */
  since(from: number): number {
    this.advance();
    return this.share - from;
  }

  private advance(): void {
    const now = this.clock.monotonic();
    if (this.working > 0) this.share += (now - this.at) / this.working;
    this.at = now;
  }
}
