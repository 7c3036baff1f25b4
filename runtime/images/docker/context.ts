/** The build context: a tar stream of Dockerfile and files, each file read only as fast as the engine takes it. */
import { once } from 'node:events';
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import ignore from '@balena/dockerignore';
import { pack, type Headers, type Pack } from 'tar-stream';
import type { BundleFiles } from '../../engines/engine';
import type { ContextFile } from './dockerfile';

/** Name of our Dockerfile in every context. */
export const DOCKERFILE = '.velar.dockerfile';
const IGNORE_FILE = '.dockerignore';

/** The same in each context: the engine's cache looks at content, and zip files can't say years before 1980. */
const MTIME = new Date('2000-01-01T00:00:00Z');

export interface BuildContext {
  /** Fails with what reading a file fails with. */
  stream: Readable;
  /** Bytes of the bundle's files in it: all of them, and those that the engine has taken so far. */
  totalBytes: number;
  takenBytes: number;
}

export function buildContext(
  dockerfile: string,
  files: readonly ContextFile[],
  bundle: Pick<BundleFiles, 'open'>,
): BuildContext {
  const tar = pack();
  let totalBytes = 0;
  for (const file of files) if ('size' in file) totalBytes += file.size;
  const context: BuildContext = { stream: tar, totalBytes, takenBytes: 0 };
  fill(tar, dockerfile, files, bundle, (bytes) => (context.takenBytes += bytes)).then(
    () => tar.finalize(),
    (error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return context;
}

/**
 * All files of the bundle that `.dockerignore` allows, for a Dockerfile of the workspace. The engine takes what
 * `.dockerignore` names out of the context once it has read the Dockerfile, so that `COPY .` copies neither ours.
 */
export async function workspaceContext(bundle: BundleFiles): Promise<ContextFile[]> {
  const rules = await bundle.read(IGNORE_FILE);
  const filter = ignore().add(rules?.toString('utf8') ?? '');
  const files = bundle
    .list('.')
    .filter(({ path }) => path !== IGNORE_FILE && !filter.ignores(path))
    .map(({ path, mode, size, sha256 }) => ({ name: path, mode, path, size, sha256 }));
  const names = `${DOCKERFILE}\n${IGNORE_FILE}\n`;
  return [...files, { name: IGNORE_FILE, mode: 0o644, content: names }];
}

async function fill(
  tar: Pack,
  dockerfile: string,
  files: readonly ContextFile[],
  bundle: Pick<BundleFiles, 'open'>,
  taken: (bytes: number) => void,
): Promise<void> {
  const closed = new AbortController();
  tar.once('close', () => closed.abort());
  const folders = new Set<string>();
  const all: ContextFile[] = [{ name: DOCKERFILE, mode: 0o644, content: dockerfile }, ...files];
  for (const file of all) {
    for (const folder of parents(file.name)) {
      if (folders.has(folder)) continue;
      folders.add(folder);
      tar.entry({ name: `${folder}/`, type: 'directory', mode: 0o755, mtime: MTIME });
    }
    const header = { name: file.name, mode: file.mode, mtime: MTIME };
    if ('content' in file) tar.entry(header, file.content);
    else {
      const source = counted(bundle.open(file.path), taken);
      await copy(source, tar, { ...header, size: file.size }, closed.signal);
    }
  }
}

/** Tells of each piece once the next is asked for. */
async function* counted(source: Readable, taken: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of source as AsyncIterable<Buffer>) {
    yield chunk;
    taken(chunk.length);
  }
}

/** By hand: a pipeline would end the tar stream without the error of a file that can't be read. */
async function copy(
  source: AsyncIterable<Buffer>,
  tar: Pack,
  header: Headers,
  signal: AbortSignal,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const entry = tar.entry(header, (error) => {
      if (error instanceof Error) reject(error);
      else resolve();
    });
    const write = async (): Promise<void> => {
      for await (const chunk of source) {
        if (!entry.write(chunk)) await once(entry, 'drain', { signal });
      }
      entry.end();
    };
    write().catch(reject);
  });
}

/** Folders above a path, outermost first. */
function parents(path: string): string[] {
  const folder = posix.dirname(path);
  return folder === '.' ? [] : [...parents(folder), folder];
}
