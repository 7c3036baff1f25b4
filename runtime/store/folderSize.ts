/** What a folder takes on the disk, measured by walking it. */
import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isNodeError } from '../protocol/errors';

export interface FolderSize {
  /** Sizes of all files; links are not followed. */
  bytes: number;
  /** Newest change of the folder or anything in it, ms since the epoch; 0 for a folder that is not there. */
  changedAt: number;
}

/** Measures a folder, or a file, that may change meanwhile: what goes away while it is looked at is not counted. */
export async function measureFolder(folder: string): Promise<FolderSize> {
  const own = await ifThere(lstat(folder));
  const total = sizeOf(own);
  if (own?.isDirectory() !== true) return total;
  for (const entry of (await ifThere(readdir(folder, { withFileTypes: true }))) ?? []) {
    const path = join(folder, entry.name);
    const found = entry.isDirectory()
      ? await measureFolder(path)
      : sizeOf(await ifThere(lstat(path)));
    total.bytes += found.bytes;
    total.changedAt = Math.max(total.changedAt, found.changedAt);
  }
  return total;
}

function sizeOf(stat: Stats | undefined): FolderSize {
  return { bytes: stat?.isFile() === true ? stat.size : 0, changedAt: stat?.mtimeMs ?? 0 };
}

async function ifThere<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isNodeError(error) && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined;
    throw error;
  }
}
