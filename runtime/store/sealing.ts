/** Text that lies on the disk encrypted: AES-256-GCM under a key of the home, bound to what it is for. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { chmodSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isNodeError, VelarError } from '../protocol/errors';

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Why something sealed can't be read. */
export class SealError extends Error {
  override readonly name = 'SealError';
}

export class Sealer {
  /** @param keyFile made with mode 0600 when something is sealed for the first time */
  constructor(readonly keyFile: string) {}

  /** Encrypts `text`; only the same `purpose` opens it. Throws SealError for a damaged key, `disk-full`. */
  seal(text: string, purpose: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.readKey() ?? this.makeKey(), nonce);
    cipher.setAAD(Buffer.from(purpose));
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64');
  }

  /** Throws SealError: the key is missing, damaged or another one, or the sealed text was changed. */
  open(sealed: string, purpose: string): string {
    const key = this.readKey();
    if (key === undefined) throw new SealError(`the key ${this.keyFile} is missing`);
    const bytes = Buffer.from(sealed, 'base64');
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const tag = bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
    if (tag.byteLength < TAG_BYTES) throw new SealError('what is stored is cut off');
    try {
      const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(purpose));
      decipher.setAuthTag(tag);
      const text = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([text, decipher.final()]).toString('utf8');
    } catch {
      // What Node says of a failed authentication helps nobody; either of the two does not belong to the other.
      throw new SealError(`it was not sealed with the key ${this.keyFile}, or it is damaged`);
    }
  }

  private readKey(): Buffer | undefined {
    let key: Buffer;
    try {
      key = readFileSync(this.keyFile);
    } catch (error) {
      if (isNodeError(error) && error.code === 'ENOENT') return undefined;
      throw new SealError(`the key ${this.keyFile} can't be read`);
    }
    if (key.byteLength !== KEY_BYTES) throw new SealError(`the key ${this.keyFile} is damaged`);
    return key;
  }

  private makeKey(): Buffer {
    const key = randomBytes(KEY_BYTES);
    const temporary = `${this.keyFile}.${randomBytes(6).toString('hex')}`;
    try {
      writeFileSync(temporary, key, { mode: 0o600, flag: 'wx', flush: true });
      chmodSync(temporary, 0o600);
      // Whole or not at all, and never over a key that is there.
      linkSync(temporary, this.keyFile);
    } catch (error) {
      throw VelarError.from(error);
    } finally {
      rmSync(temporary, { force: true });
    }
    return key;
  }
}
