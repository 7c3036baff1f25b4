/** How many of something end a second, lately. Pure: told the time, in monotonic ms. */

/** What ended longer ago counts only while too little has ended since. */
const WINDOW_MS = 10_000;
/** Fewer than these tell little: the window grows until so many ended in it. */
const ENOUGH = 10;

export class Pace {
  /** Times at which so many had ended; the first one opens the window. */
  private marks: { at: number; ended: number }[] = [];

  get running(): boolean {
    return this.marks.length > 0;
  }

  /** Work on something has begun: the window opens here, not where it began to wait. */
  begin(at: number, ended: number): void {
    this.marks = [{ at, ended }];
  }

  /** Nothing is left to work on. */
  stop(): void {
    this.marks = [];
  }

  /** Ends a second up to now; null while none has ended in the window. */
  perSecond(at: number, ended: number): number | null {
    const { marks } = this;
    if (marks.length === 0) return null;
    if (marks.at(-1)?.ended !== ended) marks.push({ at, ended });
    for (;;) {
      const next = marks[1];
      if (next === undefined || at - next.at < WINDOW_MS || ended - next.ended < ENOUGH) break;
      marks.shift();
    }
    const [first] = marks;
    if (first === undefined || first.ended === ended || at <= first.at) return null;
    return (ended - first.ended) / ((at - first.at) / 1000);
  }
}
