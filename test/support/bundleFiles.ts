/** Files of a bundle out of a table from path to content, for tests of what reads bundles. */
import { Readable } from 'node:stream';
import type { BundleFiles } from '../../runtime/engines/engine';
import { sha256Hex } from '../../runtime/protocol/bundles';

export function filesOf(table: Readonly<Record<string, string | Buffer>>): BundleFiles {
  const entries = Object.entries(table)
    .map(([path, content]) => ({
      path,
      sha256: sha256Hex(content),
      size: Buffer.byteLength(content),
      mode: 0o644,
    }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  return {
    read: async (path) => {
      const content = table[path];
      return Promise.resolve(content === undefined ? undefined : bytesOf(content));
    },
    open: (path) => Readable.from([bytesOf(table[path] ?? '')]),
    list: (path) =>
      entries.filter(
        (entry) => path === '.' || entry.path === path || entry.path.startsWith(`${path}/`),
      ),
  };
}

function bytesOf(content: string | Buffer): Buffer {
  return typeof content === 'string' ? Buffer.from(content) : content;
}
