/** Files of a stored bundle, as engines read them. */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { BundleFiles } from '../engines/engine';
import { VelarError } from '../protocol/errors';
import type { FileEntry } from '../protocol/methods';
import type { Store } from './store';

/** Throws `not-found` for a bundle that was never offered. */
export function bundleFiles(
  { bundles, blobs }: Pick<Store, 'bundles' | 'blobs'>,
  bundle: string,
): BundleFiles {
  const manifest = bundles.manifest(bundle);
  const find = (path: string): FileEntry | undefined => {
    const plain = plainPath(path);
    return manifest.find((file) => file.path === plain);
  };
  return {
    read: async (path) => {
      const entry = find(path);
      return entry === undefined ? undefined : readFile(blobs.path(entry.sha256));
    },
    open: (path) => {
      const entry = find(path);
      if (entry === undefined) throw new VelarError('not-found', `The bundle has no file ${path}.`);
      return createReadStream(blobs.path(entry.sha256));
    },
    list: (path) => {
      const plain = plainPath(path);
      if (plain === '') return manifest;
      return manifest.filter((file) => file.path === plain || file.path.startsWith(`${plain}/`));
    },
  };
}

/** Without `./` in front and `/` behind; empty for the root. */
function plainPath(path: string): string {
  return path
    .replace(/^(\.\/)+/, '')
    .replace(/\/+$/, '')
    .replace(/^\.$/, '');
}
