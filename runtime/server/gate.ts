/** The one authentication gate: decides, before any routing, what a request may do. Pure. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { ENDPOINT_PATH, environmentSchema, type Environment } from '../protocol/deployments';
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
}

export type GateDecision =
  | { kind: 'link'; principal: Principal }
  | { kind: 'pair' }
  /** A call of what the environment serves. */
  | { kind: 'endpoint'; environment: Environment }
  | { kind: 'refuse'; status: number; error: VelarError };

/**
 * Order of the checks: Origin, Host, then the one route that needs no token, then the token, then the route. So a
 * web page learns nothing (it always sends an Origin, or a foreign Host after DNS rebinding), and a stranger does
 * not learn which routes there are.
 */
export function decide(facts: RequestFacts, rules: GateRules): GateDecision {
  if (facts.origin !== undefined) {
    return refuse(403, 'unauthorised', 'Requests from web pages are not accepted.');
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
  const path = facts.url.split('?', 1)[0] ?? '';
  if (path === PAIR_PATH && !facts.upgrade) {
    return facts.method === 'POST'
      ? { kind: 'pair' }
      : refuse(405, 'invalid', 'Pairing takes a POST request.');
  }
  const environment = path.startsWith(ENDPOINT_PATH)
    ? environmentSchema.safeParse(path.slice(ENDPOINT_PATH.length).split('/', 1)[0]).data
    : undefined;
  if (environment !== undefined && !facts.upgrade && hasKey(facts, rules.keys, environment)) {
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
  if (environment !== undefined && !facts.upgrade) return { kind: 'endpoint', environment };
  if (path !== LINK_PATH) return refuse(404, 'not-found', `There is nothing at ${path}.`);
  if (!facts.upgrade) return refuse(426, 'invalid', 'This address speaks WebSocket.');
  return { kind: 'link', principal };
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
