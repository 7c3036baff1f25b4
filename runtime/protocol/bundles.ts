/** The manifest of a bundle: its canonical bytes give the bundle's id. */
import { createHash } from 'node:crypto';
import { VelarError } from './errors';
import type { FileEntry } from './methods';

/** Largest bundle that goes without the person's consent, in bytes. */
export const BUNDLE_CONFIRM_BYTES = 50 * 1024 * 1024;

/** Canonical manifest bytes: files sorted by path (code units), fixed key order, no white space. */
export function manifestBytes(files: readonly FileEntry[]): Buffer {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  return Buffer.from(
    JSON.stringify({
      version: 1,
      files: sorted.map(({ path, sha256, size, mode }) => ({ path, sha256, size, mode })),
    }),
  );
}

export function sha256Hex(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

export function bundleId(files: readonly FileEntry[]): string {
  return sha256Hex(manifestBytes(files));
}

/** Throws `invalid` for a path that could leave the bundle's root or name a device, on any platform. */
export function checkBundlePath(path: string): void {
  const bad =
    path.startsWith('/') ||
    path.includes('\\') ||
    path.includes('\0') ||
    /^[a-zA-Z]:/.test(path) ||
    path.split('/').some((part) => part === '' || part === '.' || part === '..');
  if (bad) throw new VelarError('invalid', `Not a path inside a bundle: ${JSON.stringify(path)}.`);
}
