/** The git commit of a folder, for the record of a deploy. */
import { execFile } from 'node:child_process';
import { relative, sep } from 'node:path';

const ANSWERS_WITHIN_MS = 10_000;

export interface Commit {
  hash: string;
  /** False where files had changes that are in no commit. */
  clean: boolean;
}

/** Null where there is no git, no repository or no commit: a deploy needs none of them. */
export async function commitOf(root: string, signal: AbortSignal): Promise<Commit | null> {
  const [hash, changes] = await Promise.all([
    git(root, ['rev-parse', 'HEAD'], signal),
    git(root, ['status', '--porcelain', '--', '.'], signal),
  ]);
  if (hash === undefined || !/^[0-9a-f]{40,64}$/.test(hash)) return null;
  return { hash, clean: changes === '' };
}

/** Of files that are sent: text that is not saved is in no commit. `unsaved`: absolute paths; `sent`: paths from root. */
export function asShipped(
  commit: Commit | null,
  unsaved: Iterable<string>,
  root: string,
  sent: Iterable<string>,
): Commit | null {
  if (commit === null) return null;
  const paths = new Set(sent);
  const among = [...unsaved].some((path) => paths.has(relative(root, path).split(sep).join('/')));
  return among ? { ...commit, clean: false } : commit;
}

function git(root: string, args: string[], signal: AbortSignal): Promise<string | undefined> {
  // Asking takes no lock that a person's own git command could meet.
  const env = { ...process.env, GIT_OPTIONAL_LOCKS: '0' };
  const options = { cwd: root, env, timeout: ANSWERS_WITHIN_MS, signal, maxBuffer: 16 << 20 };
  return new Promise((resolve) => {
    execFile('git', args, options, (error, stdout) => {
      resolve(error === null ? stdout.trim() : undefined);
    });
  });
}
