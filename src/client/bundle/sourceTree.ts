/** Python sources as import resolution sees them: folders and texts, wherever they come from. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isNodeError } from '../../../runtime/protocol/errors';

export type EntryKind = 'file' | 'folder';

/** Paths are relative to one root, with `/` between parts; the root is an empty path. */
export interface SourceTree {
  /** Entries of a folder; undefined when there is no such folder. */
  entries(folder: string): ReadonlyMap<string, EntryKind> | undefined;
}

/** The tree on disk. Folders are read once: make a new one for each look at the disk. */
export class DiskTree implements SourceTree {
  private readonly known = new Map<string, ReadonlyMap<string, EntryKind> | undefined>();

  /** `extra`: files that exist only in the editor, relative to the root. */
  constructor(
    private readonly root: string,
    private readonly extra: Iterable<string> = [],
  ) {}

  entries(folder: string): ReadonlyMap<string, EntryKind> | undefined {
    if (!this.known.has(folder)) this.known.set(folder, this.read(folder));
    return this.known.get(folder);
  }

  private read(folder: string): ReadonlyMap<string, EntryKind> | undefined {
    const entries = this.readDisk(folder) ?? new Map<string, EntryKind>();
    const prefix = folder === '' ? '' : `${folder}/`;
    for (const path of this.extra) {
      if (!path.startsWith(prefix)) continue;
      const [name, ...deeper] = path.slice(prefix.length).split('/');
      if (name !== undefined) entries.set(name, deeper.length === 0 ? 'file' : 'folder');
    }
    return entries.size === 0 ? undefined : entries;
  }

  private readDisk(folder: string): Map<string, EntryKind> | undefined {
    const absolute = join(this.root, folder);
    try {
      const entries = new Map<string, EntryKind>();
      for (const entry of readdirSync(absolute, { withFileTypes: true })) {
        const kind = entry.isSymbolicLink() ? linkKind(join(absolute, entry.name)) : kindOf(entry);
        if (kind !== undefined) entries.set(entry.name, kind);
      }
      return entries;
    } catch (error) {
      if (isNodeError(error)) return undefined;
      throw error;
    }
  }
}

function linkKind(path: string): EntryKind | undefined {
  try {
    return kindOf(statSync(path));
  } catch (error) {
    if (isNodeError(error)) return undefined;
    throw error;
  }
}

function kindOf(entry: { isFile(): boolean; isDirectory(): boolean }): EntryKind | undefined {
  if (entry.isFile()) return 'file';
  return entry.isDirectory() ? 'folder' : undefined;
}
