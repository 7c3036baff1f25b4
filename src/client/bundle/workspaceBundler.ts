/** Bundles of any folder; what is known of a folder is kept for the next run. */
import type { Bundle } from './bundle';
import { BundleIndex } from './bundleIndex';
import type { EditorTexts } from './bundleIndex';

/** Folders that are remembered. Each keeps the hashes of its files. */
const maximumFolders = 8;

export class WorkspaceBundler {
  private readonly indexes = new Map<string, BundleIndex>();

  /** See `BundleIndex.build`. `root` is absolute, `file` relative to it. */
  async build(
    root: string,
    file: string,
    texts: EditorTexts,
    signal: AbortSignal,
  ): Promise<Bundle> {
    return this.index(root).build(file, texts, signal);
  }

  /** Walks and hashes a folder ahead of its first run. */
  async warm(root: string, signal: AbortSignal): Promise<void> {
    await this.index(root).warm(signal);
  }

  /** Says that files were written. Absolute paths. */
  changed(paths: readonly string[]): void {
    for (const index of this.indexes.values()) index.changed(paths);
  }

  private index(root: string): BundleIndex {
    const known = this.indexes.get(root);
    const index = known ?? new BundleIndex(root);
    // The newest comes last, so that the first is the one to let go.
    this.indexes.delete(root);
    this.indexes.set(root, index);
    const [oldest] = this.indexes.keys();
    if (this.indexes.size > maximumFolders && oldest !== undefined) this.indexes.delete(oldest);
    return index;
  }
}
