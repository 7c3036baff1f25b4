/** What went wrong, in words. Pure. */

export interface Failure {
  readonly message: string;
  /** What to do next; empty where nobody knows. */
  readonly hint: string;
}

/** Of an answer that is no success; `body` as it came, `retryAfter` of its header. */
export function failureOf(status: number, body: string, retryAfter: string | null): Failure {
  const { message, hint, type } = errorIn(body);
  const what = type === '' || message === '' ? message : `${type}: ${message}`;
  const again = retryAfter === null ? '' : `Try again in ${retryAfter} s.`;
  return {
    message: what === '' ? `The runtime answered with status ${status}.` : what,
    hint: [status === 401 ? KEY_HINT : hint, again].filter((each) => each !== '').join(' '),
  };
}

const KEY_HINT = 'Check that the key is of this environment and was not removed.';

/** The error of an answer: alone, or under `error`. */
function errorIn(body: string): Failure & { type: string } {
  const whole = parsed(body);
  const error = typeof whole['error'] === 'object' ? (whole['error'] as object) : whole;
  const of = (name: string): string => {
    const value = (error as Record<string, unknown> | null)?.[name];
    return typeof value === 'string' ? value : '';
  };
  return { message: of('message'), hint: of('hint'), type: of('type') };
}

function parsed(body: string): Record<string, unknown> {
  try {
    const value = JSON.parse(body) as unknown;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // An answer of something between here and the runtime, such as a proxy's page.
    return {};
  }
}
