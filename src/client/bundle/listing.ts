/** What the ignore rules let through in one folder, kept until something in it comes or goes. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { checkBundlePath } from '../../../runtime/protocol/bundles';
import { VelarError } from '../../../runtime/protocol/errors';
import { clockMs } from './fileHashes';
import { ignoreFileNames } from './ignoreRules';
import { Pacer } from './pacer';
import { walk } from './walk';
import type { SkippedEntry, WalkedFile } from './walk';

export class Listing {
  private readonly folders: readonly (readonly [string, number])[];
  private readonly ignoreFiles: readonly (readonly [string, number])[];

  private constructor(
    private readonly root: string,
    readonly files: readonly WalkedFile[],
    readonly skipped: readonly SkippedEntry[],
    folders: readonly string[],
    startedAt: number,
  ) {
    const withTime = (path: string): readonly [string, number] => {
      const time = this.time(path);
      return [path, time > startedAt - clockMs ? unsettled : time];
    };
    this.folders = folders.map(withTime);
    this.ignoreFiles = folders
      .flatMap((folder) => ignoreFileNames.map((name) => join(folder, name)))
      .filter((path) => this.time(path) !== absent)
      .map(withTime);
  }

  /** Walks the folder. Throws `cancelled`, or the file system's error when it can't be read. */
  static async read(root: string, signal: AbortSignal): Promise<Listing> {
    const startedAt = Date.now();
    const files: WalkedFile[] = [];
    const skipped: SkippedEntry[] = [];
    const folders: string[] = [];
    for await (const batch of walk(root, { signal })) {
      for (const file of batch.files) {
        if (isBundlePath(file.path)) files.push(file);
        else skipped.push({ path: file.path, reason: "its name can't be kept on every system" });
      }
      skipped.push(...batch.skipped);
      folders.push(...batch.folders);
    }
    return new Listing(root, files, skipped, folders, startedAt);
  }

  /** True while no folder and no ignore file has changed: a folder's time tells what came and went. */
  async isCurrent(signal: AbortSignal): Promise<boolean> {
    const pacer = new Pacer(signal);
    for (const known of [this.folders, this.ignoreFiles]) {
      for (const [path, time] of known) {
        if (this.time(path) !== time) return false;
        if (pacer.due) await pacer.rest();
      }
    }
    return true;
  }

  private time(path: string): number {
    return statSync(join(this.root, path), { throwIfNoEntry: false })?.mtimeMs ?? absent;
  }
}

function isBundlePath(path: string): boolean {
  try {
    checkBundlePath(path);
    return true;
  } catch (error) {
    if (error instanceof VelarError) return false;
    throw error;
  }
}

const absent = -1;
/** Changed while the folder was walked, or so shortly before that its time may not tell. */
const unsettled = -2;
