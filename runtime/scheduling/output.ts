/** Where printed output goes: to the run of its call, and no faster than the disk takes it. */
import type { Call } from './call';
import type { Container } from './container';
import type { Run } from './run';
import type { LinkPauses } from './slowReaders';

/** Output that may wait for the disk before the worker that prints it has to wait, in bytes. */
const MAX_UNWRITTEN_BYTES = 8 * 1024 * 1024;

export class RunOutput {
  /** The last run that each container worked for: late output is its. */
  private readonly lastRuns = new WeakMap<Container, Run>();

  constructor(
    /** Runs that what a container prints outside of calls belongs to. */
    private readonly audience: (container: Container) => readonly Run[],
    private readonly pauses: LinkPauses,
    private readonly warn: (message: string) => void,
  ) {}

  /** The container works for this run now. */
  worksFor(container: Container, run: Run): void {
    this.lastRuns.set(container, run);
  }

  /** What the builder of an image prints, for the runs that wait for it. */
  built(calls: readonly Call[], text: string): void {
    const bytes = Buffer.from(text);
    for (const run of new Set(calls.map((call) => call.run))) run.print('stderr', bytes, 'build');
  }

  /** Output of a call, or of none where `call` is 0. */
  printed(container: Container, fd: 1 | 2, call: number, bytes: Buffer): void {
    for (const run of this.runsOf(container, call)) {
      run.print(fd === 2 ? 'stderr' : 'stdout', bytes, container.id);
      if (run.journal.unwritten > MAX_UNWRITTEN_BYTES) this.pause(container, run);
    }
  }

  private runsOf(container: Container, call: number): readonly Run[] {
    const own = container.inflight.get(call)?.run;
    if (own !== undefined) return [own];
    const audience = this.audience(container);
    const last = this.lastRuns.get(container);
    return audience.length === 0 && last !== undefined ? [last] : audience;
  }

  /** Lets the worker wait, which lets its printer wait, until the disk has what was printed. */
  private pause(container: Container, run: Run): void {
    if (!this.pauses.pause(container, run.journal)) return;
    run.journal
      .flushed()
      .catch((error: unknown) => this.warn(String(error)))
      .finally(() => {
        this.pauses.resume(container, run.journal);
      });
  }
}
