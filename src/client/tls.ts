/** TLS to a runtime whose self-made certificate is pinned by its fingerprint. */
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { VelarError } from '../../runtime/protocol/errors';

/** Lower-case hexadecimal digits only, so that fingerprints compare whatever their notation. */
export function normalFingerprint(text: string): string {
  return text
    .replace(/^sha-?256[:=]?/i, '')
    .replaceAll(/[^0-9a-f]/gi, '')
    .toLowerCase();
}

/** In the notation that a runtime prints: pairs of capital digits, with colons between. */
export function readableFingerprint(fingerprint: string): string {
  return (normalFingerprint(fingerprint).toUpperCase().match(/../g) ?? []).join(':');
}

export interface SecureTarget {
  host: string;
  port: number;
  /** SHA-256 to insist on; without it the usual authorities decide. */
  fingerprint?: string | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * An encrypted socket to the right peer. With a fingerprint neither names nor authorities count, only that
 * the certificate is the pinned one. Throws VelarError `unreachable`, `unauthorised` (another certificate).
 */
export function connectSecurely(target: SecureTarget): Promise<TLSSocket> {
  const { host, port, fingerprint, signal } = target;
  return openTls(host, port, fingerprint === undefined, signal).then((socket) => {
    if (fingerprint === undefined) return socket;
    const shown = fingerprintOf(socket);
    if (shown === normalFingerprint(fingerprint)) return socket;
    socket.destroy();
    throw new VelarError(
      'unauthorised',
      `${host}:${String(port)} shows another certificate than the one that was paired.`,
      {
        hint: 'If the runtime was set up anew, unpair it and pair it again; if not, someone may be in between.',
        details: { expected: normalFingerprint(fingerprint), shown },
      },
    );
  });
}

/** The fingerprint that a peer shows, whoever it is. Sends nothing. Throws VelarError `unreachable`. */
export async function readFingerprint(
  host: string,
  port: number,
  signal?: AbortSignal,
): Promise<string> {
  const socket = await openTls(host, port, false, signal);
  const shown = fingerprintOf(socket);
  socket.destroy();
  return shown;
}

function fingerprintOf(socket: TLSSocket): string {
  return normalFingerprint(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
}

function openTls(
  host: string,
  port: number,
  byAuthority: boolean,
  signal: AbortSignal | undefined,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const bare = host.replace(/^\[|\]$/g, '');
    const socket = connect({
      host: bare,
      port,
      rejectUnauthorized: byAuthority,
      ...(isIP(bare) === 0 ? { servername: bare } : {}),
    });
    const fail = (cause: Error): void => {
      socket.destroy();
      reject(unreachable(`${host}:${String(port)}`, cause));
    };
    const abort = (): void => {
      socket.destroy();
      reject(new VelarError('cancelled', 'Cancelled.'));
    };
    const timedOut = (): void => fail(new Error('no answer within 10 s'));
    socket.setTimeout(10_000, timedOut);
    socket.once('error', fail);
    signal?.addEventListener('abort', abort, { once: true });
    socket.once('secureConnect', () => {
      socket.removeListener('error', fail);
      socket.removeListener('timeout', timedOut);
      socket.setTimeout(0);
      signal?.removeEventListener('abort', abort);
      resolve(socket);
    });
    if (signal?.aborted === true) abort();
  });
}

/** An error about a peer that can't be reached, with what a person can do. */
export function unreachable(where: string, cause: Error): VelarError {
  const code = (cause as NodeJS.ErrnoException).code;
  const reason =
    code === 'ECONNREFUSED'
      ? 'nothing listens there'
      : code === 'ENOTFOUND' || code === 'EAI_AGAIN'
        ? 'the name is not known'
        : cause.message || (code ?? 'no reason given');
  return new VelarError('unreachable', `No runtime answers at ${where}: ${reason}.`, {
    hint: 'Check that it is running (`velar serve`) and that the address is right.',
    cause,
  });
}
