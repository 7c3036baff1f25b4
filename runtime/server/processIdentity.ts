/** Tells a process from a later one that got the same number. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { isNodeError } from '../protocol/errors';

/** True when a process of that number exists, whoever's it is. */
export function processAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isNodeError(error) && error.code === 'EPERM';
  }
}

/**
 * Something that a later process of the same number does not share: boot and start time on Linux (proc(5),
 * field 22 of stat), start time from ps elsewhere, empty where neither is to be had. Undefined: no such process.
 */
export function processIdentity(pid: number): string | undefined {
  if (!processAlive(pid)) return undefined;
  if (process.platform === 'win32') return '';
  try {
    if (process.platform !== 'linux') {
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    }
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
    // The command name may hold blanks and brackets; what follows its last bracket does not.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie holds nothing any more; its parent has only not asked yet.
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot}:${fields[19] ?? ''}`;
  } catch (error) {
    if (isNodeError(error) && error.code === 'ENOENT') return processAlive(pid) ? '' : undefined;
    return '';
  }
}
