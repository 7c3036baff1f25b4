/**
 * Whose processes use a card: a process of the machine belongs to the container whose first process it
 * descends from, or whose control group it is in. Pure; procFiles.ts reads /proc.
 */

/** What /proc tells of a process. */
export interface ProcessFacts {
  /** Its name, as the kernel cuts it. */
  name: string;
  parent: number;
  /** Text of its `cgroup` file. */
  cgroup: string;
}

export type ReadProcess = (pid: number) => ProcessFacts | undefined;

/** A container by its first process on the machine. */
export interface ContainerRoot {
  container: string;
  app: string;
  pid: number;
}

export interface Owner {
  name: string;
  /** Null for a process that is in no container of ours. */
  root: ContainerRoot | null;
}

/** Deeper than any real tree, should a table change while it is read. */
const MAX_DEPTH = 64;

/**
 * The id of the container that an engine put a process in, from its `cgroup` file, of version 1 or 2:
 * `/docker/ID`, `/system.slice/docker-ID.scope`, and what others make of it. Null for a process in none.
 */
export function engineContainerId(cgroup: string): string | null {
  for (const line of cgroup.split('\n')) {
    const path = line.split(':').slice(2).join(':');
    // Containers nest: the innermost is the process's own.
    const id = path.match(/(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g)?.at(-1);
    if (id !== undefined) return id;
  }
  return null;
}

/** Undefined for a process that can't be seen from here, so that whose it is stays unknown. */
export function ownerOf(
  pid: number,
  roots: readonly ContainerRoot[],
  read: ReadProcess,
  self: number,
): Owner | undefined {
  const facts = read(pid);
  if (facts === undefined) return undefined;
  const { name } = facts;
  const byPid = new Map(roots.map((root) => [root.pid, root]));
  let at: number = pid;
  let parent: number = facts.parent;
  for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
    const root = byPid.get(at);
    if (root !== undefined) return { name, root };
    if (parent <= 1) break;
    at = parent;
    parent = read(at)?.parent ?? 0;
  }
  const group = engineContainerId(facts.cgroup);
  // A runtime that is itself in a container shares its group with everything it starts.
  if (group === null || group === engineContainerId(read(self)?.cgroup ?? '')) {
    return { name, root: null };
  }
  const root = roots.find((each) => engineContainerId(read(each.pid)?.cgroup ?? '') === group);
  return { name, root: root ?? null };
}

/** Remembers owners while their processes are on a card, so that a sample reads /proc for new ones only. */
export class Owners {
  private known = new Map<number, Owner | undefined>();
  private roots = '';

  constructor(
    private readonly read: ReadProcess,
    private readonly self: number = process.pid,
  ) {}

  /** The owner of each of these processes, which are all that use cards now. */
  of(pids: Iterable<number>, roots: readonly ContainerRoot[]): Map<number, Owner | undefined> {
    const key = roots.map(({ container, pid }) => `${container}:${pid}`).join();
    const before = key === this.roots ? this.known : new Map<number, Owner | undefined>();
    this.roots = key;
    const now = new Map<number, Owner | undefined>();
    for (const pid of pids) {
      const owner = before.get(pid) ?? ownerOf(pid, roots, this.read, this.self);
      now.set(pid, owner);
    }
    this.known = now;
    return now;
  }
}
