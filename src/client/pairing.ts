/** Pairing: the act that gives this client a device token for a runtime. */
import { ClientRequest, type IncomingMessage } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { VelarError, wireErrorSchema } from '../../runtime/protocol/errors';
import { pairResultSchema, type PairResult } from '../../runtime/protocol/methods';
import { PAIR_PATH } from '../../runtime/protocol/version';
import { isLoopback } from './connection';
import type { RuntimeEntry } from './runtimes';
import { connectSecurely, normalFingerprint, readFingerprint, unreachable } from './tls';

export interface PairingTarget {
  /** `ws://…` for loopback, else `wss://…`. */
  url: string;
  /** From the address, when it had one. */
  code?: string;
  /** SHA-256 fingerprint to expect, from the address, when it had one. */
  fingerprint?: string;
}

const ANSWER_MS = 20_000;
const SCHEMES: Readonly<Record<string, 'ws' | 'wss' | undefined>> = {
  'ws:': 'ws',
  'http:': 'ws',
  'wss:': 'wss',
  'https:': 'wss',
  'velar:': undefined,
};

/**
 * Reads `host:port`, `ws(s)://host:port`, `http(s)://host:port` and `velar://host:port?code=…&fingerprint=…`.
 * Throws VelarError `invalid` naming what is wrong.
 */
export function parsePairingAddress(text: string): PairingTarget {
  const trimmed = text.trim();
  const scheme = /^([a-z]+):\/\//i.exec(trimmed)?.[1]?.toLowerCase();
  if (scheme !== undefined && !(`${scheme}:` in SCHEMES)) {
    throw badAddress(text, `${scheme}:// is none of velar, ws, wss, http and https`);
  }
  // URL takes hosts apart only for schemes that it knows.
  const rest = scheme === undefined ? trimmed : trimmed.slice(scheme.length + 3);
  if (!URL.canParse(`http://${rest}`)) throw badAddress(text, 'it names no host');
  const parsed = new URL(`http://${rest}`);
  const port = /^[^/?#]*:(\d+)(?:[/?#]|$)/.exec(rest)?.[1];
  if (port === undefined) throw badAddress(text, 'it names no port');
  const host = `${parsed.hostname}:${port}`;
  const kind = SCHEMES[`${scheme ?? 'velar'}:`] ?? (isLoopback(`ws://${host}`) ? 'ws' : 'wss');
  if (kind === 'ws' && !isLoopback(`ws://${host}`)) {
    throw badAddress(text, 'a runtime on another machine is reached over TLS only (wss://)');
  }
  const code = parsed.searchParams.get('code') ?? undefined;
  const fingerprint = parsed.searchParams.get('fingerprint') ?? undefined;
  return {
    url: `${kind}://${host}`,
    ...(code === undefined ? {} : { code: parsePairingCode(code) }),
    ...(fingerprint === undefined ? {} : { fingerprint: normalFingerprint(fingerprint) }),
  };
}

/** Upper case, without blanks and dashes, look-alikes (O, I, L) read as meant. Throws VelarError `invalid`. */
export function parsePairingCode(text: string): string {
  const code = text
    .toUpperCase()
    .replaceAll(/[\s-]/g, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1');
  if (/^[0-9A-HJKMNP-TV-Z]{8}$/.test(code)) return code;
  throw new VelarError('invalid', 'That is no pairing code: it has 8 letters and digits.', {
    hint: 'Type the code that the runtime shows, such as 7K3M-9QXZ.',
  });
}

/**
 * Exchanges a one-time code for a device token. `confirmFingerprint` is asked before anything is sent over
 * TLS, unless the address names the fingerprint already; false cancels. Throws VelarError `unreachable`,
 * `unauthorised`, `cancelled`, `invalid`.
 */
export async function pair(
  address: string,
  code: string,
  deviceName: string,
  confirmFingerprint: (fingerprint: string) => Promise<boolean>,
  signal?: AbortSignal,
): Promise<{ entry: RuntimeEntry; token: string }> {
  const target = parsePairingAddress(address);
  const normalCode = parsePairingCode(code);
  const fingerprint = await agreeOnFingerprint(target, confirmFingerprint, signal);
  const result = await exchange(
    target.url,
    fingerprint,
    { code: normalCode, deviceName: deviceName.slice(0, 200) },
    signal,
  );
  return {
    entry: {
      id: result.runtime.id,
      name: result.runtime.name,
      url: target.url,
      ...(fingerprint === undefined ? {} : { fingerprint }),
      device: result.device,
      pairedAt: Date.now(),
    },
    token: result.token,
  };
}

async function agreeOnFingerprint(
  target: PairingTarget,
  confirm: (fingerprint: string) => Promise<boolean>,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const url = new URL(target.url);
  if (url.protocol !== 'wss:') return undefined;
  // What the address names was vouched for by whoever made it; the exchange insists on it.
  if (target.fingerprint !== undefined) return target.fingerprint;
  const shown = await readFingerprint(url.hostname, portOf(url), signal);
  if (await confirm(shown)) return shown;
  throw new VelarError('cancelled', 'The certificate was not confirmed; nothing was paired.');
}

function exchange(
  url: string,
  fingerprint: string | undefined,
  body: { code: string; deviceName: string },
  signal: AbortSignal | undefined,
): Promise<PairResult> {
  const target = new URL(url);
  const timeout = AbortSignal.timeout(ANSWER_MS);
  const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  return new Promise((resolve, reject) => {
    void openRequest(target, fingerprint, either).then(
      (request) => {
        request.once('response', (response) => {
          readAnswer(response, target.host).then(resolve, reject);
        });
        request.once('error', (error) => {
          reject(
            signal?.aborted === true
              ? new VelarError('cancelled', 'Cancelled.')
              : unreachable(target.host, error),
          );
        });
        request.end(JSON.stringify(body));
      },
      (error: unknown) => {
        reject(VelarError.from(error, 'unreachable'));
      },
    );
  });
}

/** Made without `http.request`, in which VS Code would open the connection itself, whatever we give it. */
async function openRequest(
  url: URL,
  fingerprint: string | undefined,
  signal: AbortSignal,
): Promise<ClientRequest> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = portOf(url);
  const socket =
    url.protocol === 'wss:'
      ? await connectSecurely({ host: url.hostname, port, fingerprint, signal })
      : connectTcp({ host, port });
  return new ClientRequest({
    method: 'POST',
    host,
    port,
    path: PAIR_PATH,
    headers: { 'content-type': 'application/json', host: url.host },
    signal,
    createConnection: () => socket,
  });
}

async function readAnswer(response: IncomingMessage, where: string): Promise<PairResult> {
  let text = '';
  for await (const chunk of response) {
    text += String(chunk);
    if (text.length > 65_536) break;
  }
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  const paired = pairResultSchema.safeParse(body);
  if (response.statusCode === 200 && paired.success) return paired.data;
  const refused = wireErrorSchema.safeParse(body);
  if (refused.success) throw VelarError.fromWire(refused.data);
  throw new VelarError('unreachable', `${where} answers, but not as a Velar runtime.`, {
    hint: 'Check the address and port that the runtime shows.',
  });
}

function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'wss:' ? 443 : 80;
}

function badAddress(text: string, why: string): VelarError {
  return new VelarError('invalid', `${JSON.stringify(text)} is no address of a runtime: ${why}.`, {
    hint: 'Give the address that the runtime shows, such as 192.168.1.20:7070.',
  });
}
