/**
 * Skips the running test (or, from a `before` hook, its whole suite) and says why; `npm test`
 * lists the reason, and counts a skip without one as a failure.
 * @param context `this` of the mocha callback
 * @param reason what is missing on this machine, and what would help
 * @throws always: mocha's own signal
 */
export function skipBecause(context: Mocha.Context, reason: string): never {
  const runnable = context.runnable();
  const isHook = 'type' in runnable && runnable.type === 'hook';
  const carrier = isHook && runnable.parent !== undefined ? runnable.parent : runnable;
  Object.assign(carrier, { skipReason: reason });
  return context.skip();
}
