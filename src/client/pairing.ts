/** Pairing: the act that gives this client a device token for a runtime. */
import { VelarError } from '../../runtime/protocol/errors';
import type { RuntimeEntry } from './runtimes';

export interface PairingTarget {
  /** `ws://…` for loopback, else `wss://…`. */
  url: string;
  /** From the address, when it had one. */
  code?: string;
  /** SHA-256 fingerprint to expect, from the address, when it had one. */
  fingerprint?: string;
}

/**
 * Reads `host:port`, `ws(s)://host:port`, `http(s)://host:port` and `velar://host:port?code=…&fingerprint=…`.
 * Throws VelarError `invalid` naming what is wrong.
 */
export function parsePairingAddress(_text: string): PairingTarget {
  throw new VelarError('unsupported', 'Being written.');
}

/** Upper case, without blanks and dashes, look-alikes (O, I, L) read as meant. Throws VelarError `invalid`. */
export function parsePairingCode(_text: string): string {
  throw new VelarError('unsupported', 'Being written.');
}

/**
 * Exchanges a one-time code for a device token. `confirmFingerprint` is asked before anything is sent over
 * TLS; false cancels. Throws VelarError `unreachable`, `unauthorised`, `cancelled`.
 */
export async function pair(
  _address: string,
  _code: string,
  _deviceName: string,
  _confirmFingerprint: (fingerprint: string) => Promise<boolean>,
  _signal?: AbortSignal,
): Promise<{ entry: RuntimeEntry; token: string }> {
  throw new VelarError('unsupported', 'Being written.');
}
