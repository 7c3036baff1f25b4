/** Python sources as import resolution sees them: folders and texts, wherever they come from. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isNodeError } from '../../../runtime/protocol/errors';
import { clockMs } from './fileHashes';

export type EntryKind = 'file' | 'folder';

/** Paths are relative to one root, with `/` between parts; the root is an empty path. */
export interface SourceTree {
  /** Entries of a folder; undefined when there is no such folder. */
  entries(folder: string): ReadonlyMap<string, EntryKind> | undefined;
}

interface KnownFolder {
  readonly mtimeMs: number;
  readonly entries: ReadonlyMap<string, EntryKind>;
}

/** Folders on disk, each read again only when its time has changed. */
export class DiskFolders {
  private readonly known = new Map<string, KnownFolder>();

  /** Entries of a folder, given by its absolute path; undefined when there is no such folder. */
  entries(absolute: string): ReadonlyMap<string, EntryKind> | undefined {
    const stats = statSync(absolute, { throwIfNoEntry: false });
    if (stats?.isDirectory() !== true) {
      this.known.delete(absolute);
      return undefined;
    }
    const known = this.known.get(absolute);
    if (known?.mtimeMs === stats.mtimeMs) return known.entries;
    const entries = readFolder(absolute);
    const settled = Date.now() - stats.mtimeMs > clockMs;
    if (entries !== undefined && settled) {
      this.known.set(absolute, { mtimeMs: stats.mtimeMs, entries });
    }
    return entries;
  }
}

/** The tree of one root as it is now: each folder is looked at once. */
export class DiskTree implements SourceTree {
  private readonly seen = new Map<string, ReadonlyMap<string, EntryKind> | undefined>();

  /** `extra`: files that exist only in the editor, relative to the root. */
  constructor(
    private readonly root: string,
    private readonly folders: DiskFolders,
    private readonly extra: Iterable<string> = [],
  ) {}

  entries(folder: string): ReadonlyMap<string, EntryKind> | undefined {
    if (!this.seen.has(folder)) this.seen.set(folder, this.look(folder));
    return this.seen.get(folder);
  }

  private look(folder: string): ReadonlyMap<string, EntryKind> | undefined {
    const onDisk = this.folders.entries(join(this.root, folder));
    const entries = new Map(onDisk);
    const prefix = folder === '' ? '' : `${folder}/`;
    for (const path of this.extra) {
      if (!path.startsWith(prefix)) continue;
      const [name, ...deeper] = path.slice(prefix.length).split('/');
      if (name !== undefined) entries.set(name, deeper.length === 0 ? 'file' : 'folder');
    }
    return onDisk === undefined && entries.size === 0 ? undefined : entries;
  }
}

function readFolder(absolute: string): Map<string, EntryKind> | undefined {
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
