/** What endpoints take and keep at most; told in the OpenAPI document and in answers. */

/** Calls of one function that may wait or run at once; more are asked to come again. */
export const MAX_OPEN_CALLS = 1000;

/** How long a call that a client waits for may stand in line; while a container comes up for it, that does not count. */
export const MAX_WAIT_MS = 5 * 60_000;

/** How long the result of a call that nobody waits for can be asked for, from its end on. */
export const KEPT_RESULT_MS = 24 * 3_600_000;

/** Calls that nobody waits for, going on or kept, of the whole runtime; and bytes of their results. */
export const KEPT_CALLS = { maxCalls: 10_000, maxBytes: 1024 ** 3 };

export const MAX_IDEMPOTENCY_KEY_CHARACTERS = 255;
