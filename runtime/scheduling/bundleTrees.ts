/** Bundles as folders, for the describe step: a few trees, each changed only where a bundle differs. */
import { constants } from 'node:fs';
import { chmod, copyFile, lstat, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isNodeError } from '../protocol/errors';
import type { FileEntry } from '../protocol/methods';

const MAX_TREES = 3;
/** Files that are written at once. */
const PARALLEL = 16;
/** Never through a link that lies at the target, nor over what is there. */
const COPY_MODE = constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL;

interface Tree {
  folder: string;
  bundle: string | undefined;
  /** Path to `hash mode` of what lies there. */
  files: Map<string, string>;
  /** The last use; the next waits for it, because a tree holds one bundle at a time. */
  busy: Promise<void>;
  usedAt: number;
}

export class BundleTrees {
  private readonly trees: Tree[] = [];
  private uses = 0;
  private cleared: Promise<void> | undefined;

  constructor(
    private readonly folder: string,
    private readonly blobPath: (sha256: string) => string,
  ) {}

  /** Runs `work` on a folder that holds the bundle's files, and nothing else that was bundled. */
  async use<T>(
    bundle: string,
    files: readonly FileEntry[],
    work: (folder: string) => Promise<T>,
  ): Promise<T> {
    // What an earlier runtime left is of unknown state.
    this.cleared ??= rm(this.folder, { recursive: true, force: true });
    await this.cleared;
    const tree = this.choose(bundle, files);
    tree.bundle = bundle;
    tree.usedAt = ++this.uses;
    const turn = tree.busy.then(async () => {
      await this.fill(tree, files);
      return work(tree.folder);
    });
    tree.busy = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  }

  async dispose(): Promise<void> {
    await Promise.all(this.trees.map((tree) => tree.busy));
    await rm(this.folder, { recursive: true, force: true });
  }

  /** The tree of that bundle, else one that shares most of its files, else a new one or the oldest. */
  private choose(bundle: string, files: readonly FileEntry[]): Tree {
    const same = this.trees.find((tree) => tree.bundle === bundle);
    if (same !== undefined) return same;
    const shared = (tree: Tree): number =>
      files.filter((file) => tree.files.get(file.path) === stamp(file)).length;
    const closest = [...this.trees].sort((a, b) => shared(b) - shared(a))[0];
    if (closest !== undefined && shared(closest) * 2 >= files.length) return closest;
    if (this.trees.length >= MAX_TREES) {
      const oldest = [...this.trees].sort((a, b) => a.usedAt - b.usedAt)[0];
      if (oldest !== undefined) return oldest;
    }
    const folder = join(this.folder, `tree-${this.trees.length}`);
    const made = {
      folder,
      bundle: undefined,
      files: new Map(),
      busy: Promise.resolve(),
      usedAt: 0,
    };
    this.trees.push(made);
    return made;
  }

  /** Makes the tree hold these files; only what differs is written. */
  private async fill(tree: Tree, files: readonly FileEntry[]): Promise<void> {
    await mkdir(tree.folder, { recursive: true, mode: 0o700 });
    const wanted = new Set(files.map((file) => file.path));
    const gone = [...tree.files.keys()].filter((path) => !wanted.has(path));
    await inParallel(gone, async (path) => {
      await rm(join(tree.folder, path), { recursive: true, force: true });
      tree.files.delete(path);
    });
    const changed = files.filter((file) => tree.files.get(file.path) !== stamp(file));
    const folders = new Set(changed.map((file) => dirname(join(tree.folder, file.path))));
    await inParallel([...folders], (folder) => makeFolder(tree.folder, folder));
    await inParallel(changed, async (file) => {
      await this.write(join(tree.folder, file.path), file, tree.files.delete(file.path));
      tree.files.set(file.path, stamp(file));
    });
  }

  /** A copy, never a link: the code that is described could write to its own files. */
  private async write(target: string, file: FileEntry, replaces: boolean): Promise<void> {
    const copy = (): Promise<void> => copyFile(this.blobPath(file.sha256), target, COPY_MODE);
    if (replaces) await rm(target, { recursive: true, force: true });
    try {
      await copy();
    } catch (error) {
      // Something that was not bundled lies there: what was described made it.
      if (!isNodeError(error) || error.code !== 'EEXIST') throw error;
      await rm(target, { recursive: true, force: true });
      await copy();
    }
    // Blobs are the owner's to read and write; the tree is nobody else's, so only the owner's bits count.
    if ((file.mode & 0o700) !== 0o600) await chmod(target, file.mode);
  }
}

/** Where described code left a file, the bundle has a folder now. */
async function makeFolder(tree: string, folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    if (!isNodeError(error) || (error.code !== 'EEXIST' && error.code !== 'ENOTDIR')) throw error;
    for (let path = folder; path !== tree; path = dirname(path)) {
      const there = await lstat(path).catch(() => undefined);
      if (there?.isDirectory() === false) await rm(path);
    }
    await mkdir(folder, { recursive: true });
  }
}

/** Runs `work` on all items, some at a time; rejects with the first failure, once nothing is going on any more. */
async function inParallel<T>(
  items: readonly T[],
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const left = items.values();
  const lane = async (): Promise<void> => {
    for (const item of left) await work(item);
  };
  const lanes = await Promise.allSettled(Array.from({ length: PARALLEL }, lane));
  for (const each of lanes) if (each.status === 'rejected') throw each.reason;
}

function stamp(file: FileEntry): string {
  return `${file.sha256} ${file.mode}`;
}
