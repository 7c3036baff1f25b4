/** The path map of a run, from its bundle and the file system. */
import { lstatSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isNodeError } from '../../../runtime/protocol/errors';
import { PathMap } from './paths';

export interface BundlePaths {
  /** Absolute folder of the bundle. */
  readonly root: string;
  /** Paths of its files; undefined where somebody else made the bundle. */
  readonly files: readonly string[] | undefined;
  /** Bundle paths of documents without a file, with their addresses. */
  readonly documents: ReadonlyMap<string, string>;
}

export function pathMapOf({ root, files, documents }: BundlePaths, remoteRoot: string): PathMap {
  const real = realOrUndefined(root);
  return new PathMap({
    roots: real === undefined || real === root ? [root] : [root, real],
    remoteRoot,
    files: files === undefined ? undefined : new Set(files),
    documents,
    aliases: files === undefined ? [] : aliasesOf(root, files),
  });
}

/** Groups of Python files that are one and the same by way of symbolic links. */
function aliasesOf(root: string, files: readonly string[]): string[][] {
  const folders = new Map<string, string | undefined>();
  const groups = new Map<string, string[]>();
  for (const file of files.filter((each) => each.endsWith('.py'))) {
    const absolute = join(root, file);
    const folder = dirname(absolute);
    if (!folders.has(folder)) folders.set(folder, realOrUndefined(folder));
    const real = realFile(absolute, folders.get(folder));
    if (real !== undefined) groups.set(real, [...(groups.get(real) ?? []), file]);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

/** A link is looked up; any other file lies where its folder does. */
function realFile(absolute: string, folder: string | undefined): string | undefined {
  const entry = lstatSync(absolute, { throwIfNoEntry: false });
  if (entry === undefined || folder === undefined) return undefined;
  if (entry.isSymbolicLink()) return realOrUndefined(absolute);
  return join(folder, absolute.slice(dirname(absolute).length + 1));
}

function realOrUndefined(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch (error) {
    // Text that has no file yet, or a file that has gone since.
    if (isNodeError(error)) return undefined;
    throw error;
  }
}
