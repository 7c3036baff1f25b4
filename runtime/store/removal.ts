/** Removes folders so that their names are free at once: aside first, then away. */
import { randomBytes } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isNodeError } from '../protocol/errors';

const ASIDE = '.removed-';

/** A name beside a folder for what is not to be seen: no list names it, and the next start removes it. */
export function asideOf(folder: string): string {
  return join(dirname(folder), `${ASIDE}${randomBytes(6).toString('hex')}`);
}

/** Removes a folder. A new one of its name may be made while the old one's files still go. False: it was not there. */
export async function removeFolder(folder: string): Promise<boolean> {
  const aside = asideOf(folder);
  try {
    await rename(folder, aside);
  } catch (error) {
    if (isNodeError(error) && error.code === 'ENOENT') return false;
    throw error;
  }
  await rm(aside, { recursive: true, force: true, maxRetries: 3 });
  return true;
}

/** Names in a folder, sorted; none where there is no folder. What is being removed is not named. */
export async function namesIn(folder: string): Promise<string[]> {
  return (await entries(folder)).filter((name) => !name.startsWith(ASIDE)).sort();
}

/** Finishes removals in a folder that a process which was killed had begun. */
export async function finishRemovals(folder: string): Promise<void> {
  for (const name of await entries(folder)) {
    if (name.startsWith(ASIDE)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

async function entries(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isNodeError(error) && error.code === 'ENOENT') return [];
    throw error;
  }
}
