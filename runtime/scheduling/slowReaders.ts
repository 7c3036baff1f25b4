/** Lets a generator wait for whoever reads its items, as far back as the function itself. */
import type { Call } from './call';
import type { Container } from './container';
import type { Run } from './run';

/** Who wants workers to wait. A worker is listened to again when nobody does any more. */
export class LinkPauses {
  private readonly reasons = new WeakMap<Container, Set<object>>();

  /** False where it waits for this reason already. */
  pause(container: Container, reason: object): boolean {
    const reasons = this.reasons.get(container) ?? new Set();
    if (reasons.has(reason)) return false;
    this.reasons.set(container, reasons.add(reason));
    container.link?.pause();
    return true;
  }

  resume(container: Container, reason: object): void {
    const reasons = this.reasons.get(container);
    if (reasons?.delete(reason) === true && reasons.size === 0) container.link?.resume();
  }
}

export class SlowReaders {
  private readonly held = new WeakMap<Run, Container>();

  constructor(
    private readonly pauses: LinkPauses,
    private readonly containerOf: (call: Call) => Container | undefined,
  ) {}

  /** Lets the run's code wait, or go on. */
  set(run: Run | undefined, held: boolean): boolean {
    if (run?.active !== true) return false;
    if (held) return this.hold(run);
    this.release(run);
    return true;
  }

  /**
   * False where the run's call can't wait: others are worked on in its container, or it is about to end, and what it
   * says then has to be read.
   */
  private hold(run: Run): boolean {
    if (this.held.has(run)) return true;
    const [call, ...others] = run.calls;
    if (call === undefined || others.length > 0) return false;
    if (call.ending !== undefined || call.target.concurrency > 1) return false;
    const container = this.containerOf(call);
    if (container === undefined) return false;
    this.held.set(run, container);
    this.pauses.pause(container, run);
    return true;
  }

  release(run: Run): void {
    const container = this.held.get(run);
    if (container === undefined) return;
    this.held.delete(run);
    this.pauses.resume(container, run);
  }
}
