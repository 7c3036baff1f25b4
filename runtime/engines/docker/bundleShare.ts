/**
 * What a container can read of the blobs: a folder of its own with those of the bundles that it is told to load.
 * The store as a whole holds the sources of every app.
 */
import { constants } from 'node:fs';
import { copyFile, link, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isNodeError, VelarError } from '../../protocol/errors';
import type { BlobStore } from '../../store/blobs';
import type { BundleStore } from '../../store/bundles';

/** Files that are linked at once. */
const AT_ONCE = 64;

export interface SharedBlobs {
  blobs: Pick<BlobStore, 'path'>;
  bundles: Pick<BundleStore, 'blobsOf'>;
}

export class BundleShare {
  private readonly there = new Set<string>();
  private readonly folders = new Set<string>();

  constructor(
    readonly folder: string,
    private readonly from: SharedBlobs,
  ) {}

  /** Makes the folder, which containers get mounted; any user of theirs may read it. */
  async make(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o755 });
  }

  /** Puts what lacks of a bundle there: only what has changed costs anything. Throws `bundle-incomplete`, `disk-full`. */
  async bring(bundle: string): Promise<void> {
    const lacking = this.from.bundles
      .blobsOf(bundle)
      .map(({ sha256 }) => sha256)
      .filter((sha256) => !this.there.has(sha256));
    for (let at = 0; at < lacking.length; at += AT_ONCE) {
      await Promise.all(lacking.slice(at, at + AT_ONCE).map((sha256) => this.put(sha256)));
    }
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  private async put(sha256: string): Promise<void> {
    const target = join(this.folder, sha256.slice(0, 2), sha256);
    const folder = dirname(target);
    if (!this.folders.has(folder)) {
      await mkdir(folder, { recursive: true, mode: 0o755 });
      this.folders.add(folder);
    }
    await linkOrCopy(this.from.blobs.path(sha256), target);
    this.there.add(sha256);
  }
}

/** Never changed once it has its name: a blob that is there is the right one. */
async function linkOrCopy(source: string, target: string): Promise<void> {
  try {
    await link(source, target);
  } catch (error) {
    if (isNodeError(error) && error.code === 'EEXIST') return;
    if (isNodeError(error) && error.code === 'ENOENT') {
      throw new VelarError('bundle-incomplete', 'A file of the bundle is missing on the runtime.', {
        hint: 'Run it again; the files are sent anew.',
        cause: error,
      });
    }
    // Another file system, or one without links.
    const part = `${target}.part`;
    await copyFile(source, part, constants.COPYFILE_FICLONE);
    await rename(part, target);
  }
}
