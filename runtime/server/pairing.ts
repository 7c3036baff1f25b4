/** One-time codes that let a new device in, and the tokens that devices get for them. */
import { createHash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { VelarError } from '../protocol/errors';
import { sha256Hex } from '../protocol/bundles';
import type { DeviceStore } from '../store/devices';

/** Crockford's base 32: no I, L, O, U. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const CODE_LENGTH = 8;
export const CODE_LIFETIME_MS = 10 * 60_000;
const TRIES = 5;
/** Attempts of all peers together within a minute; more are refused unread. */
const ATTEMPTS_PER_MINUTE = 20;

export interface PairingCode {
  /** `XXXX-XXXX`. */
  code: string;
  /** ms since the epoch. */
  expiresAt: number;
}

interface LiveCode {
  hash: Buffer;
  expiresAt: number;
  triesLeft: number;
}

export class Pairing {
  private live: LiveCode | undefined;
  private attempts: number[] = [];

  constructor(
    private readonly devices: DeviceStore,
    private readonly now: () => number = Date.now,
  ) {}

  /** A fresh code; the one before it no longer counts. */
  issue(): PairingCode {
    let code = '';
    for (let index = 0; index < CODE_LENGTH; index += 1) code += ALPHABET[randomInt(32)] ?? '';
    const expiresAt = this.now() + CODE_LIFETIME_MS;
    this.live = { hash: hashOf(code), expiresAt, triesLeft: TRIES };
    return { code: `${code.slice(0, 4)}-${code.slice(4)}`, expiresAt };
  }

  /**
   * Exchanges a code for a device and its token, which is told this once. Throws `unauthorised` for a code that is
   * wrong, used or expired, and for too many tries.
   */
  redeem(code: string, deviceName: string): { device: string; token: string } {
    const now = this.now();
    this.attempts = this.attempts.filter((at) => now - at < 60_000);
    if (this.attempts.length >= ATTEMPTS_PER_MINUTE) {
      throw refused('Too many tries.', 'Wait a minute, then try again.');
    }
    this.attempts.push(now);
    const live = this.live;
    if (live === undefined || now >= live.expiresAt) {
      this.live = undefined;
      throw refused('No pairing code is valid now.', 'Ask the runtime for a new code.');
    }
    if (!timingSafeEqual(live.hash, hashOf(code))) {
      live.triesLeft -= 1;
      if (live.triesLeft > 0) throw refused('The pairing code is wrong.', 'Type it as shown.');
      this.live = undefined;
      throw refused(
        'The pairing code is wrong, and was tried too often.',
        'Ask the runtime for a new code.',
      );
    }
    this.live = undefined;
    const token = newToken();
    const device = `dev-${randomBytes(6).toString('hex')}`;
    this.devices.add({
      id: device,
      name: deviceName,
      tokenSha256: sha256Hex(token),
      pairedAt: now,
      lastSeenAt: null,
    });
    return { device, token };
  }
}

/** 256 random bits. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Letters that look like digits are read as meant; case, blanks and dashes don't count. */
function hashOf(code: string): Buffer {
  const normal = code
    .toUpperCase()
    .replaceAll(/[\s-]/g, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1');
  return createHash('sha256').update(normal).digest();
}

function refused(message: string, hint: string): VelarError {
  return new VelarError('unauthorised', message, { hint });
}
