/** Text of a version's files, for those who compare versions. */
import { readFile } from 'node:fs/promises';
import { isNodeError, VelarError } from '../protocol/errors';
import type { VersionFile } from '../protocol/deployments';
import type { Store } from '../store/store';

/** Larger files are named only: nobody reads them line by line. */
const MAX_BYTES = 512 * 1024;

/** A file of a bundle, or why it is not shown. Throws `not-found` where the bundle never had it. */
export async function versionFile(
  { bundles, blobs }: Pick<Store, 'bundles' | 'blobs'>,
  bundle: string,
  path: string,
): Promise<VersionFile> {
  const entry = bundles.manifest(bundle).find((file) => file.path === path);
  if (entry === undefined) throw new VelarError('not-found', `The version has no file ${path}.`);
  const { sha256, size } = entry;
  if (size > MAX_BYTES) return { unshown: 'large', size };
  try {
    const bytes = await readFile(blobs.path(sha256));
    return isText(bytes) ? { text: bytes.toString('utf8') } : { unshown: 'binary', size };
  } catch (error) {
    if (isNodeError(error) && error.code === 'ENOENT') return { unshown: 'gone', size };
    throw VelarError.from(error);
  }
}

function isText(bytes: Uint8Array): boolean {
  if (bytes.includes(0)) return false;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
