/** Copies a folder; where the file system shares blocks, that takes no room until one of the two changes. */
import { constants } from 'node:fs';
import {
  chmod,
  copyFile,
  lchown,
  lstat,
  mkdir,
  readdir,
  readlink,
  symlink,
  utimes,
} from 'node:fs/promises';
import { join } from 'node:path';
import { isNodeError } from '../protocol/errors';

/**
 * Copies files, links as links, with their owners, permissions and times; sockets and the like are left out, and so is
 * what goes away meanwhile. `copied`: told of the bytes of each file; what it throws ends the copy.
 */
export async function copyFolder(
  from: string,
  to: string,
  copied: (bytes: number) => void,
): Promise<void> {
  const own = await lstat(from);
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    try {
      if (entry.isDirectory()) await copyFolder(source, target, copied);
      else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
      else if (entry.isFile()) await copyOne(source, target, copied);
    } catch (error) {
      if (!isNodeError(error) || error.code !== 'ENOENT' || (await isThere(source))) throw error;
    }
  }
  await chmod(to, own.mode & 0o7777);
  await takeOwner(to, own);
  await utimes(to, own.atime, own.mtime);
}

async function copyOne(
  source: string,
  target: string,
  copied: (bytes: number) => void,
): Promise<void> {
  const stat = await lstat(source);
  await copyFile(source, target, constants.COPYFILE_FICLONE);
  await chmod(target, stat.mode & 0o7777);
  await takeOwner(target, stat);
  await utimes(target, stat.atime, stat.mtime);
  copied(stat.size);
}

/** Containers may run as another user than the runtime; only root can give files away. */
async function takeOwner(path: string, { uid, gid }: { uid: number; gid: number }): Promise<void> {
  if (process.getuid?.() === 0) await lchown(path, uid, gid);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch {
    return false;
  }
}
