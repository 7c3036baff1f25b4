/**
 * The packages `velar` and `velar_worker` as containers get them: with bytecode beside the sources, because a
 * container can't keep what it compiles, and compiling costs each cold start more than anything else of ours.
 */
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { exitCode } from '../../images/docker/exitCode';
import { exists } from '../../store/exists';
import { INSIDE } from './createOptions';
import { HARDENED } from './hardening';
import { remove } from './placed';

/** Written once the bytecode for a version is there. */
const marker = (version: string): string => `.compiled-${version}`;

export interface WorkerPackagesOptions {
  docker: Docker;
  /** Folder of the packages' sources. */
  sources: string;
  /** Folder of the home for the copies. */
  folder: string;
  /** Of the container that compiles. */
  labels: Readonly<Record<string, string>>;
  warn: (message: string) => void;
}

export class WorkerPackages {
  private copied: Promise<string> | undefined;
  private readonly compiled = new Map<string, Promise<string>>();

  constructor(private readonly options: WorkerPackagesOptions) {}

  /**
   * Folder to mount for an image with this Python, such as `3.11`. The first time, a container of the image
   * compiles them; where that fails the sources have to do, and it is told.
   */
  async folder(image: string, python: { executable: string; version: string }): Promise<string> {
    const { version } = python;
    let compiled = this.compiled.get(version);
    if (compiled === undefined) {
      compiled = this.prepare(image, python);
      this.compiled.set(version, compiled);
    }
    try {
      return await compiled;
    } catch (error) {
      this.compiled.delete(version);
      this.options.warn(`The worker starts without bytecode: ${String(error)}`);
      return this.options.sources;
    }
  }

  private async prepare(
    image: string,
    { executable, version }: { executable: string; version: string },
  ): Promise<string> {
    this.copied ??= this.copy();
    const folder = await this.copied;
    const done = join(folder, marker(version));
    if (await exists(done)) return folder;
    await this.compile(image, executable, folder);
    await writeFile(done, '');
    return folder;
  }

  /** A copy of these very sources; older ones go, but for those that a container has mounted. */
  private async copy(): Promise<string> {
    const { sources, folder } = this.options;
    await mkdir(folder, { recursive: true });
    const name = await contentHash(sources);
    const target = join(folder, name);
    const kept = new Set([target, ...(await this.mounted())]);
    for (const other of await readdir(folder)) {
      if (!kept.has(join(folder, other)))
        await rm(join(folder, other), { recursive: true, force: true });
    }
    if (await exists(target)) return target;
    const attempt = `${target}.part`;
    await cp(sources, attempt, {
      recursive: true,
      filter: (path) => !path.includes('__pycache__'),
    });
    await rename(attempt, target);
    return target;
  }

  /** Folders of this machine that containers of the runtime have as their packages. */
  private async mounted(): Promise<string[]> {
    const { docker, labels } = this.options;
    const label = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
    const containers = await docker.listContainers({ all: true, filters: { label } });
    return containers.flatMap(({ Mounts }) =>
      Mounts.filter(({ Destination }) => Destination === INSIDE.packages).map(
        ({ Source }) => Source,
      ),
    );
  }

  /** The runtime's own user writes; nothing of a person's code is in reach. */
  private async compile(image: string, executable: string, folder: string): Promise<void> {
    const { docker } = this.options;
    const container = await docker.createContainer({
      Image: image,
      Entrypoint: [executable],
      Cmd: [
        '-I',
        '-m',
        'compileall',
        '-q',
        '--invalidation-mode',
        'unchecked-hash',
        INSIDE.packages,
      ],
      User: `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`,
      NetworkDisabled: true,
      Labels: { ...this.options.labels, 'velar.check': 'bytecode' },
      HostConfig: {
        NetworkMode: 'none',
        ...HARDENED,
        Binds: [`${folder}:${INSIDE.packages}:rw`],
        LogConfig: { Type: 'none', Config: {} },
      },
    });
    try {
      await container.start();
      const code = await exitCode(container);
      if (code !== 0) throw new Error(`compileall ended with exit code ${code}`);
    } finally {
      await remove(container);
    }
  }
}

async function contentHash(folder: string): Promise<string> {
  const hash = createHash('sha256');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('__pycache__'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const file of files) hash.update(file.slice(folder.length)).update(await readFile(file));
  return hash.digest('hex').slice(0, 16);
}
