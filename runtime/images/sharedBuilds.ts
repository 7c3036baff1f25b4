/** Builds that several may wait for: each runs once, and ends early only when nobody waits any more. */
import type { BuildListener } from '../engines/engine';
import { VelarError } from '../protocol/errors';
import { OutputTail } from './outputTail';

/** What is built, told to everybody who waits; the signal says that nobody does. */
export type BuildWork<T> = (listener: BuildListener, signal: AbortSignal) => Promise<T>;

/** One who waits; two of them may listen with the same listener. */
interface Waiter {
  listener: BuildListener;
}

interface Build<T> {
  done: Promise<T>;
  waiting: Set<Waiter>;
  /** The newest progress, for those who come later. */
  progress: string | undefined;
  /** What was printed, for them as well. */
  printed: OutputTail;
  abort: AbortController;
}

export class SharedBuilds<T> {
  private readonly builds = new Map<string, Build<T>>();

  /** True while the build of that key is going on, or ending. */
  has(key: string): boolean {
    return this.builds.has(key);
  }

  /**
   * Joins the build of that key, or begins it with `work`. Rejects with what the work threw, or with
   * `cancelled` at once when `signal` aborts. A build that its waiters have left ends first.
   */
  async join(
    key: string,
    work: BuildWork<T>,
    listener: BuildListener,
    signal: AbortSignal,
  ): Promise<T> {
    let going = this.builds.get(key);
    while (going?.abort.signal.aborted === true) {
      await Promise.allSettled([going.done]);
      going = this.builds.get(key);
    }
    const build = going ?? this.start(key, work);
    let leave = (): void => undefined;
    const gone = new Promise<never>((_, reject) => {
      leave = () => reject(new VelarError('cancelled', 'Cancelled.'));
      if (signal.aborted) leave();
      else signal.addEventListener('abort', leave, { once: true });
    });
    const waiter: Waiter = { listener };
    build.waiting.add(waiter);
    try {
      if (build.printed.text !== '') listener.output(build.printed.text);
      if (build.progress !== undefined) listener.progress(build.progress, 'joined');
      return await Promise.race([build.done, gone]);
    } finally {
      signal.removeEventListener('abort', leave);
      build.waiting.delete(waiter);
      if (build.waiting.size === 0) build.abort.abort();
    }
  }

  /** Stops every build. Resolves when none is left. */
  async dispose(): Promise<void> {
    const builds = [...this.builds.values()];
    for (const build of builds) build.abort.abort();
    await Promise.allSettled(builds.map((build) => build.done));
  }

  private start(key: string, work: BuildWork<T>): Build<T> {
    const waiting = new Set<Waiter>();
    const abort = new AbortController();
    const listener: BuildListener = {
      progress: (detail, work) => {
        build.progress = detail;
        for (const each of waiting) each.listener.progress(detail, work);
      },
      output: (text) => {
        build.printed.add(text);
        for (const each of waiting) each.listener.output(text);
      },
    };
    const run = async (): Promise<T> => {
      // `build` is known to all before the work can tell anything.
      await Promise.resolve();
      try {
        return await work(listener, abort.signal);
      } finally {
        this.builds.delete(key);
      }
    };
    const printed = new OutputTail();
    const build: Build<T> = { done: run(), waiting, progress: undefined, printed, abort };
    // Everybody who waits hears of a failure through join(); this keeps one nobody waits for from being fatal.
    build.done.catch(() => undefined);
    this.builds.set(key, build);
    return build;
  }
}
