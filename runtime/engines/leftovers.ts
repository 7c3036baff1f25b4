/** Finds and ends what a container left behind when its supervisor was killed before it could. */
import { readdir, readFile } from 'node:fs/promises';
import { isNodeError } from '../protocol/errors';

/** Variable that names the container to everything that runs in it. */
export const CONTAINER_MARK = 'VELAR_CONTAINER_ID';

/**
 * Kills every process that carries the container's id in its environment. Only Linux tells the environment
 * of others; elsewhere the process group is what was killed already.
 */
export async function killContainerProcesses(container: string): Promise<void> {
  if (process.platform !== 'linux') return;
  for (const pid of await processesOf(container)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (!isNodeError(error) || error.code !== 'ESRCH') throw error;
    }
  }
}

/** Processes of this user whose environment names the container. */
export async function processesOf(container: string): Promise<number[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const wanted = `\0${CONTAINER_MARK}=${container}\0`;
  const found = await Promise.all(
    names.map(async (name) => {
      try {
        // Another user's process, and one that has just ended, can't be read and is none of ours.
        const environment = await readFile(`/proc/${name}/environ`, 'latin1');
        return `\0${environment}\0`.includes(wanted) ? Number(name) : undefined;
      } catch {
        return undefined;
      }
    }),
  );
  return found.filter((pid) => pid !== undefined).filter((pid) => pid !== process.pid);
}
