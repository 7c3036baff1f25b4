/** A second's beat for progress that must go on when nothing comes any more. */

/** Calls `tell` each second, with the monotonic time in ms, until what it returns is called. */
export function eachSecond(tell: (atMs: number) => void): () => void {
  const timer = setInterval(() => tell(performance.now()), 1000);
  timer.unref();
  return () => clearInterval(timer);
}
