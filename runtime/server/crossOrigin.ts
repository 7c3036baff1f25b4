/** Calls of endpoints by web pages of other origins: which are named how, and what browsers are told. Pure. */
import { VelarError } from '../protocol/errors';

/** For a browser, in seconds, to remember that it may call. */
const REMEMBERED_S = 600;

/**
 * An origin as browsers send it, such as `https://app.example`. Throws `invalid`: `*` too, because whoever may call
 * is to be named, and `null`, which every sandboxed page sends.
 */
export function checkOrigin(given: string): string {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  const named = url !== undefined && /^https?:$/.test(url.protocol) && !given.includes('*');
  if (named && url.origin === given) return given;
  const meant = named ? url.origin : 'https://app.example';
  throw new VelarError('invalid', `${JSON.stringify(given)} is no origin of a web page.`, {
    hint: `Give scheme, name and port and nothing else, such as ${meant}.`,
  });
}

/** Lets the page read the answer. Keys go in a header, so cookies and the like are never allowed. */
export function corsHeaders(origin: string): Record<string, string> {
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'velar-request-id, server-timing, retry-after, location',
    vary: 'Origin',
  };
}

/** Answers the question that comes before a call. */
export function preflightHeaders(): Record<string, string> {
  return {
    'access-control-allow-methods': 'GET, POST, DELETE',
    'access-control-allow-headers': 'authorization, content-type, idempotency-key',
    'access-control-max-age': String(REMEMBERED_S),
  };
}
