/** The folder of the socket where workers dial in. */
import { createHash } from 'node:crypto';
import { lstat, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isNodeError } from '../protocol/errors';

/** sun_path holds 108 bytes on Linux and 104 on macOS. */
const MAX_SOCKET_PATH = 100;

/**
 * A folder that only this user can enter, made where it lacks: in the home, or in the temporary folder where the
 * path of the socket would be too long. It is the same at each start of the home's runtime, because containers that
 * a crash leaves dial in at the path that they were given. `below`: path of the socket in it.
 */
export async function linkFolder(
  home: string,
  below: string,
  warn: (message: string) => void,
): Promise<{ folder: string; inHome: boolean }> {
  const inHome = join(home, 'run');
  if (Buffer.byteLength(join(inHome, below)) <= MAX_SOCKET_PATH) {
    await mkdir(inHome, { recursive: true, mode: 0o700 });
    return { folder: inHome, inHome: true };
  }
  const id = createHash('sha256').update(resolve(home)).digest('hex').slice(0, 16);
  const folder = join(tmpdir(), `velar-${id}`);
  if (await makePrivate(folder)) return { folder, inHome: false };
  warn(
    `${folder} is there and not this user's alone: another is used, and containers that a crash leaves can't be adopted. ` +
      'Remove it, or give --home a shorter path.',
  );
  return { folder: await mkdtemp(join(tmpdir(), 'velar-')), inHome: false };
}

/** False where something is there that others own or may enter: anybody may make it in a shared folder. */
async function makePrivate(folder: string): Promise<boolean> {
  try {
    await mkdir(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    if (!isNodeError(error) || error.code !== 'EEXIST') throw error;
  }
  const found = await lstat(folder);
  const uid = process.getuid?.() ?? found.uid;
  return found.isDirectory() && found.uid === uid && (found.mode & 0o077) === 0;
}
