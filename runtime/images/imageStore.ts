/** The virtual environments of a home: built once each, used by many, listed by size and last use. */
import { readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildListener } from '../engines/engine';
import { isNodeError, VelarError } from '../protocol/errors';
import type { ImagePlan } from './imagePlan';
import type { PythonInterpreter } from './python';
import { buildVenv, venvPython } from './venv';

/** Written last: a folder without it is half-built and never used. */
const MARKER = 'velar-image.json';

export interface ReadyImage {
  /** The interpreter to start the worker with. */
  python: string;
  /** False when this call waited for a build, its own or another's. */
  cached: boolean;
}

export interface StoredImage {
  key: string;
  bytes: number;
  lastUsedAt: number;
}

interface Build {
  done: Promise<void>;
  listeners: Set<BuildListener>;
  /** The newest progress, for those who come later. */
  progress: string | undefined;
  abort: AbortController;
}

export class ImageStore {
  private readonly builds = new Map<string, Build>();
  private readonly ready = new Set<string>();

  constructor(
    private readonly folder: string,
    private readonly environment: Readonly<Record<string, string | undefined>>,
  ) {}

  /** True when the image is known to be ready, without looking at the disk. */
  isReady(plan: ImagePlan): boolean {
    return this.ready.has(plan.venvKey);
  }

  /**
   * Builds the image or joins the build that is going on. A build ends early only when everybody who
   * waited for it has gone. Throws ImageBuildError, `cancelled`, `disk-full`.
   */
  async ensure(
    plan: ImagePlan,
    python: PythonInterpreter,
    listener: BuildListener,
    signal: AbortSignal,
  ): Promise<ReadyImage> {
    if (signal.aborted) throw new VelarError('cancelled', 'Cancelled.');
    const folder = join(this.folder, plan.venvKey);
    const executable = venvPython(folder);
    // A build that its waiters have left clears the folder as it ends; the next begins after that.
    let going = this.builds.get(plan.venvKey);
    while (going?.abort.signal.aborted === true) {
      await Promise.allSettled([going.done]);
      going = this.builds.get(plan.venvKey);
    }
    if (await this.isBuilt(plan.venvKey, folder)) return { python: executable, cached: true };
    const build = this.builds.get(plan.venvKey) ?? this.start(plan, python, folder);
    await this.join(build, listener, signal);
    return { python: executable, cached: false };
  }

  /** Stops every build. Resolves when no installer is left. */
  async dispose(): Promise<void> {
    const builds = [...this.builds.values()];
    for (const build of builds) build.abort.abort();
    await Promise.allSettled(builds.map((build) => build.done));
  }

  /** What lies in the home, least recently used first. */
  async list(): Promise<StoredImage[]> {
    const images: StoredImage[] = [];
    for (const key of await entries(this.folder)) {
      const marker = await statIfThere(join(this.folder, key, MARKER));
      if (marker === undefined) continue;
      images.push({ key, bytes: await sizeOf(join(this.folder, key)), lastUsedAt: marker.mtimeMs });
    }
    return images.sort((a, b) => a.lastUsedAt - b.lastUsedAt);
  }

  /** Removes one image. Throws `conflict` while it is being built. */
  async remove(key: string): Promise<void> {
    if (this.builds.has(key)) throw new VelarError('conflict', `Image ${key} is being built.`);
    this.ready.delete(key);
    await rm(join(this.folder, key, MARKER), { force: true });
    await rm(join(this.folder, key), { recursive: true, force: true });
  }

  private async isBuilt(key: string, folder: string): Promise<boolean> {
    if (this.builds.has(key)) return false;
    const marker = join(folder, MARKER);
    if (!this.ready.has(key)) {
      const [built, python] = await Promise.all([
        statIfThere(marker),
        statIfThere(venvPython(folder)),
      ]);
      if (built === undefined || python === undefined) return false;
      this.ready.add(key);
    }
    const now = new Date();
    try {
      await utimes(marker, now, now);
      return true;
    } catch (error) {
      if (!isNodeError(error) || error.code !== 'ENOENT') throw error;
      this.ready.delete(key);
      return false;
    }
  }

  private start(plan: ImagePlan, python: PythonInterpreter, folder: string): Build {
    const abort = new AbortController();
    const build: Build = {
      done: Promise.resolve(),
      listeners: new Set(),
      progress: undefined,
      abort,
    };
    const listener: BuildListener = {
      progress: (detail) => {
        build.progress = detail;
        for (const each of build.listeners) each.progress(detail);
      },
      output: (text) => {
        for (const each of build.listeners) each.output(text);
      },
    };
    build.done = this.run(plan, python, folder, listener, abort.signal).finally(() => {
      this.builds.delete(plan.venvKey);
    });
    // Everybody who waits hears of a failure through join(); this keeps one nobody waits for from being fatal.
    build.done.catch(() => undefined);
    this.builds.set(plan.venvKey, build);
    return build;
  }

  private async run(
    plan: ImagePlan,
    python: PythonInterpreter,
    folder: string,
    listener: BuildListener,
    signal: AbortSignal,
  ): Promise<void> {
    await buildVenv({ folder, python, plan, environment: this.environment, listener, signal });
    const packages = plan.steps.flatMap((step) => step.packages);
    await writeFile(join(folder, MARKER), JSON.stringify({ python: python.version, packages }));
    this.ready.add(plan.venvKey);
  }

  private async join(build: Build, listener: BuildListener, signal: AbortSignal): Promise<void> {
    let leave = (): void => undefined;
    const gone = new Promise<never>((_, reject) => {
      leave = () => reject(new VelarError('cancelled', 'Cancelled.'));
      signal.addEventListener('abort', leave, { once: true });
    });
    build.listeners.add(listener);
    try {
      if (build.progress !== undefined) listener.progress(build.progress);
      await Promise.race([build.done, gone]);
    } finally {
      signal.removeEventListener('abort', leave);
      build.listeners.delete(listener);
      if (build.listeners.size === 0) build.abort.abort();
    }
  }
}

/** Content of the image's marker, for tests and doctor; undefined for an image that is not ready. */
export async function readMarker(folder: string, key: string): Promise<string | undefined> {
  try {
    return await readFile(join(folder, key, MARKER), 'utf8');
  } catch (error) {
    if (isNodeError(error) && error.code === 'ENOENT') return undefined;
    throw error;
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

async function statIfThere(path: string): Promise<{ mtimeMs: number } | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (isNodeError(error) && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}
