/** What /proc tells of a process of this machine. */
import { readFileSync, readlinkSync } from 'node:fs';
import type { ProcessFacts, ReadProcess } from './owners';

/** Undefined for a process that is gone or hidden, and where there is no /proc. */
export function readProcess(pid: number, proc = '/proc'): ProcessFacts | undefined {
  try {
    const stat = readFileSync(`${proc}/${pid}/stat`, 'utf8');
    const cgroup = readFileSync(`${proc}/${pid}/cgroup`, 'utf8');
    return { ...parseStat(stat), cgroup };
  } catch {
    return undefined;
  }
}

/** `PID (NAME) STATE PARENT …`; the name may hold spaces and brackets. */
function parseStat(stat: string): Pick<ProcessFacts, 'name' | 'parent'> {
  const end = stat.lastIndexOf(')');
  const name = stat.slice(stat.indexOf('(') + 1, end);
  return { name, parent: Number(stat.slice(end + 2).split(' ')[1]) };
}

/** The pid namespace that Linux starts with always has this number (`PROC_PID_INIT_INO`). */
const FIRST_NAMESPACE = 'pid:[4026531836]';

/**
 * Reads processes by the ids that a driver tells. Null inside a container or WSL, where its ids are the
 * host's and mean other processes, or none.
 */
export function hostProcesses(proc = '/proc'): ReadProcess | null {
  try {
    const namespace = readlinkSync(`${proc}/self/ns/pid`);
    return namespace === FIRST_NAMESPACE ? (pid) => readProcess(pid, proc) : null;
  } catch {
    return null;
  }
}
