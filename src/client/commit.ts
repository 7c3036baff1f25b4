/** The git commit of a folder, for the record of a deploy. */
import { execFile } from 'node:child_process';

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

function git(root: string, args: string[], signal: AbortSignal): Promise<string | undefined> {
  const options = { cwd: root, timeout: ANSWERS_WITHIN_MS, signal, maxBuffer: 16 << 20 };
  return new Promise((resolve) => {
    execFile('git', args, options, (error, stdout) => {
      resolve(error === null ? stdout.trim() : undefined);
    });
  });
}
