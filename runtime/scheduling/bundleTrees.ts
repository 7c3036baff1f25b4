/** Bundles as folders, for the describe step: a few trees, each changed only where a bundle differs. */
import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FileEntry } from '../protocol/methods';

const MAX_TREES = 3;

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

  private async fill(tree: Tree, files: readonly FileEntry[]): Promise<void> {
    await mkdir(tree.folder, { recursive: true, mode: 0o700 });
    const wanted = new Set(files.map((file) => file.path));
    for (const path of [...tree.files.keys()]) {
      if (wanted.has(path)) continue;
      await rm(join(tree.folder, path), { recursive: true, force: true });
      tree.files.delete(path);
    }
    const folders = new Set<string>();
    for (const file of files) {
      if (tree.files.get(file.path) === stamp(file)) continue;
      const target = join(tree.folder, file.path);
      const folder = dirname(target);
      if (!folders.has(folder)) await mkdir(folder, { recursive: true });
      folders.add(folder);
      await rm(target, { recursive: true, force: true });
      // A copy, never a link: the code that is described could write to its own files.
      await copyFile(this.blobPath(file.sha256), target, constants.COPYFILE_FICLONE);
      await chmod(target, file.mode);
      tree.files.set(file.path, stamp(file));
    }
  }
}

function stamp(file: FileEntry): string {
  return `${file.sha256} ${file.mode}`;
}
