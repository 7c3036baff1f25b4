/** The one authentication gate: decides, before any routing, what a request may do. Pure. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { environmentSchema, type Environment } from '../protocol/deployments';
import { ENDPOINT_PATH, OPENAPI_NAME } from '../protocol/endpointPaths';
import { VelarError } from '../protocol/errors';
import { LINK_PATH, PAIR_PATH } from '../protocol/version';

/** Who a token belongs to. */
export interface Principal {
  /** Id of the paired device, or `owner` for this machine's user over loopback. */
  device: string;
}

export const OWNER = 'owner';

/** What the gate looks at. Header values as they came. */
export interface RequestFacts {
  /** True for a WebSocket upgrade. */
  upgrade: boolean;
  method: string;
  /** Path and query. */
  url: string;
  host: string | undefined;
  origin: string | undefined;
  authorization: string | undefined;
  accept: string | undefined;
  /** The peer's address is of this machine's loopback. */
  loopback: boolean;
}

export interface Credential {
  device: string;
  tokenSha256: string;
  /** Counts over loopback only. */
  loopbackOnly: boolean;
}

export interface GateRules {
  /** Lower-case names and addresses, without port, that this runtime goes by. */
  hosts: ReadonlySet<string>;
  credentials: Iterable<Credential>;
  /** Of endpoints: each for one environment, and for nothing else. */
  keys: Iterable<{ environment: Environment; sha256: string }>;
  /** Whose web pages may call endpoints, such as `https://app.example`; compared letter by letter. */
  origins: ReadonlySet<string>;
}

export type GateDecision =
  | { kind: 'link'; principal: Principal }
  | { kind: 'pair' }
  /** A call of what the environment serves. */
  | { kind: 'endpoint'; environment: Environment }
  /** A browser asks whether an allowed web page may call. */
  | { kind: 'preflight' }
  /** The page to try a function. */
  | { kind: 'page' }
  | { kind: 'refuse'; status: number; error: VelarError };

/**
 * Order of the checks: Origin, Host, then what needs no token, then the token, then the route. So a web page learns
 * nothing (it always sends an Origin, or a foreign Host after DNS rebinding), and a stranger does not learn which
 * routes there are.
 *
 * The page to try a function needs no token, because a browser can't send one with an address that was typed in. It
 * is the same for every address, whether something is deployed there or not; what it shows, it asks for with the key
 * that is typed into it. Its calls carry the runtime's own Origin, so that one is let through to the endpoints.
 */
export function decide(facts: RequestFacts, rules: GateRules): GateDecision {
  const path = facts.url.split('?', 1)[0] ?? '';
  const toEndpoints = path.startsWith(ENDPOINT_PATH) && !facts.upgrade;
  if (facts.origin !== undefined && !(toEndpoints && mayCall(facts, rules))) {
    return refuse(
      403,
      'unauthorised',
      'Requests from web pages are not accepted.',
      'To let the pages of one site call endpoints, start the runtime with --allow-origin ORIGIN.',
    );
  }
  const host = facts.host === undefined ? undefined : hostName(facts.host);
  if (host === undefined || !rules.hosts.has(host)) {
    return refuse(
      403,
      'unauthorised',
      `This runtime does not go by the name ${JSON.stringify(host ?? '')}.`,
      'Use the address that it printed, or start it with --public-host NAME.',
    );
  }
  if (toEndpoints && facts.method === 'OPTIONS' && allowedOrigin(facts, rules) !== undefined) {
    return { kind: 'preflight' };
  }
  if (toEndpoints && facts.method === 'GET' && wantsPage(path, facts)) return { kind: 'page' };
  if (path === PAIR_PATH && !facts.upgrade) {
    return facts.method === 'POST'
      ? { kind: 'pair' }
      : refuse(405, 'invalid', 'Pairing takes a POST request.');
  }
  const environment = toEndpoints
    ? environmentSchema.safeParse(path.slice(ENDPOINT_PATH.length).split('/', 1)[0]).data
    : undefined;
  if (environment !== undefined && hasKey(facts, rules.keys, environment)) {
    return { kind: 'endpoint', environment };
  }
  const principal = identify(facts, rules.credentials);
  if (principal === undefined) {
    return refuse(
      401,
      'unauthorised',
      'This runtime does not know the token: it is wrong or was revoked.',
      'Pair this device again.',
    );
  }
  if (environment !== undefined) return { kind: 'endpoint', environment };
  if (path !== LINK_PATH) return refuse(404, 'not-found', `There is nothing at ${path}.`);
  if (!facts.upgrade) return refuse(426, 'invalid', 'This address speaks WebSocket.');
  return { kind: 'link', principal };
}

/** The Origin of a web page that the owner allowed to call endpoints; undefined for any other. */
export function allowedOrigin(
  { origin }: Pick<RequestFacts, 'origin'>,
  { origins }: Pick<GateRules, 'origins'>,
): string | undefined {
  return origin !== undefined && origins.has(origin) ? origin : undefined;
}

/** An allowed page, or one that came from this very Host, which is checked next. */
function mayCall(facts: RequestFacts, rules: GateRules): boolean {
  if (allowedOrigin(facts, rules) !== undefined) return true;
  const own = /^https?:\/\/(.+)$/.exec(facts.origin ?? '')?.[1];
  return own !== undefined && own.toLowerCase() === facts.host?.toLowerCase();
}

/** The address of a function, asked for by whoever reads HTML. */
function wantsPage(path: string, { accept = '' }: RequestFacts): boolean {
  const [environment, app = '', qualname = '', ...more] = path
    .slice(ENDPOINT_PATH.length)
    .split('/');
  return (
    /\btext\/html\b/i.test(accept) &&
    environmentSchema.safeParse(environment).success &&
    app !== '' &&
    qualname !== '' &&
    qualname !== OPENAPI_NAME &&
    more.length === 0
  );
}

/** Compares against every credential, each in constant time, so that timing tells nothing about any. */
function identify(facts: RequestFacts, credentials: Iterable<Credential>): Principal | undefined {
  const presented = digestOf(facts);
  if (presented === undefined) return undefined;
  let found: Principal | undefined;
  for (const { device, tokenSha256, loopbackOnly } of credentials) {
    if (isSame(presented, tokenSha256) && (facts.loopback || !loopbackOnly)) found = { device };
  }
  return found;
}

/** Looks at every key, for the same reason. */
function hasKey(facts: RequestFacts, keys: GateRules['keys'], environment: Environment): boolean {
  const presented = digestOf(facts);
  if (presented === undefined) return false;
  let found = false;
  for (const key of keys) {
    if (isSame(presented, key.sha256) && key.environment === environment) found = true;
  }
  return found;
}

/** SHA-256 of the bearer token; undefined where there is none. */
function digestOf({ authorization = '' }: RequestFacts): Buffer | undefined {
  const token = /^Bearer ([\x21-\x7e]{1,512})$/.exec(authorization)?.[1];
  return token === undefined ? undefined : createHash('sha256').update(token).digest();
}

function isSame(presented: Buffer, sha256: string): boolean {
  const known = Buffer.from(sha256, 'hex');
  return known.byteLength === presented.byteLength && timingSafeEqual(known, presented);
}

/** The name of a Host header in lower case, without port; undefined for one that is malformed. */
export function hostName(header: string): string | undefined {
  const match = /^(\[[0-9a-f:.%]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(header);
  return match?.[1]?.toLowerCase().replace(/\.$/, '');
}

/** True for the addresses of a machine's own loopback, as sockets report them. */
export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false;
  const v4 = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
  return v4 === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(v4);
}

function refuse(
  status: number,
  code: 'unauthorised' | 'invalid' | 'not-found',
  message: string,
  hint?: string,
): GateDecision {
  return { kind: 'refuse', status, error: new VelarError(code, message, { hint }) };
}
