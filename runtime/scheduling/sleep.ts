/** The sleep of a container that has nothing to do, where its engine can pause it; it wakes before it is used. */
import type { PlacedContainer } from '../engines/engine';

export class Sleep {
  private placed: PlacedContainer | undefined;
  private state: 'awake' | 'asleep' | 'waking' = 'awake';
  /** Settles when what the engine was asked for last is done. */
  private done: Promise<void> = Promise.resolve();

  constructor(
    /** The engine could not do it; one that did not wake is of no use any more. */
    private readonly failed: (error: unknown, wakes: boolean) => void,
  ) {}

  get asleep(): boolean {
    return this.state === 'asleep';
  }

  /** Pauses it; does nothing where its engine can't, or it sleeps already. */
  fall(placed: PlacedContainer | undefined): void {
    if (placed?.pause === undefined || this.state !== 'awake') return;
    this.placed = placed;
    this.state = 'asleep';
    this.done = placed.pause().catch((error: unknown) => this.failed(error, false));
  }

  /** Does `work` once it is awake, after what was asked for before: at once where it is awake already. */
  whenAwake(work: () => void): void {
    if (this.state === 'awake') {
      work();
      return;
    }
    if (this.state === 'asleep') {
      this.state = 'waking';
      this.done = this.done.then(() => this.placed?.resume?.());
    }
    this.done = this.done.then(work);
    const last = this.done;
    last.then(
      () => {
        if (this.done === last) this.state = 'awake';
      },
      (error: unknown) => this.failed(error, true),
    );
  }
}
