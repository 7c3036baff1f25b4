/** What changes between two versions, code line by line: from the files that the runtime keeps. */
import type { Environment, VersionDiff, VersionFile } from '../../../runtime/protocol/deployments';
import { formatBytes } from '../../../runtime/protocol/figures';
import type { ClientConnection } from '../api';
import { unifiedHunks } from './unifiedDiff';

export interface DiffRequest {
  app: string;
  environment: Environment;
  /** The version that would be served. */
  version: number;
  /** Compares with this one in place of what the environment serves. */
  from?: number;
}

type Change = VersionDiff['files'][number]['change'];

/** A file that changes: its texts, or why they are not shown. */
export type FileChange = { path: string; change: Change } & (
  { before: string | null; after: string | null; hunks: string[] } | { note: string }
);

export interface FullDiff extends Omit<VersionDiff, 'files'> {
  app: string;
  files: FileChange[];
}

/** Files asked for at once. */
const AT_ONCE = 8;

/** Throws `not-found`. Where nothing is served, files are named only: all of their lines are new. */
export async function compareVersions(
  connection: ClientConnection,
  request: DiffRequest,
  signal?: AbortSignal,
): Promise<FullDiff> {
  const { app } = request;
  const diff = await connection.request('deployment.diff', request, signal);
  const { from, to } = diff;
  const read = (version: number, path: string): Promise<VersionFile> =>
    connection.request('deployment.file', { app, version, path }, signal);
  const files: FileChange[] = [];
  for (let index = 0; index < diff.files.length; index += AT_ONCE) {
    const some = diff.files.slice(index, index + AT_ONCE).map(async (file): Promise<FileChange> => {
      const { path, change } = file;
      if (from === null) return { ...file, note: 'all new' };
      const [before, after] = await Promise.all([
        change === 'added' ? null : read(from, path),
        change === 'removed' ? null : read(to, path),
      ]);
      return fileChange(file, before, after);
    });
    files.push(...(await Promise.all(some)));
  }
  return { ...diff, app, files };
}

/** Null: the version has no such file. */
export function fileChange(
  file: { path: string; change: Change },
  before: VersionFile | null,
  after: VersionFile | null,
): FileChange {
  for (const side of [after, before]) {
    if (side !== null && 'unshown' in side) return { ...file, note: unshownText(side) };
  }
  const [old, fresh] = [before, after].map((side) =>
    side !== null && 'text' in side ? side.text : null,
  ) as [string | null, string | null];
  const hunks = unifiedHunks(old ?? '', fresh ?? '');
  if (hunks.length > 0) return { ...file, before: old, after: fresh, hunks };
  return { ...file, note: file.change === 'changed' ? 'its permissions change' : 'empty' };
}

function unshownText({ unshown, size }: Extract<VersionFile, { unshown: string }>): string {
  const reasons = {
    binary: `no text, ${formatBytes(size)}`,
    large: `too large to show, ${formatBytes(size)}`,
    gone: 'its content is no longer on the runtime',
  };
  return reasons[unshown];
}
