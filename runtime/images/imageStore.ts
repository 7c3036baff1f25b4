/** The virtual environments of a home: built once each, used by many, listed by size and last use. */
import { randomUUID } from 'node:crypto';
import { readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { capture } from '../engines/children';
import type { BuildListener, StoredImage } from '../engines/engine';
import { isNodeError, VelarError } from '../protocol/errors';
import { measureFolder } from '../store/folderSize';
import { finishRemovals, namesIn, removeFolder } from '../store/removal';
import type { ImagePlan } from './imagePlan';
import { minorOf, type PythonInterpreter } from './python';
import { SharedBuilds, type BuildWork } from './sharedBuilds';
import { buildVenv, venvPython } from './venv';

/** Written last: a folder without it is half-built and never used. */
const MARKER = 'velar-image.json';

export interface ReadyImage {
  /** The interpreter to start the worker with. */
  python: string;
  /** False when this call waited for a build, its own or another's. */
  cached: boolean;
}

const markerSchema = z.object({
  /** Version of its Python. */
  python: z.string(),
  packages: z.array(z.string()),
  /** Of this one build; empty where it was made before builds had names. */
  build: z.string().default(''),
});
/** Packages that an image's label names. */
const NAMED_PACKAGES = 5;

export class ImageStore {
  private readonly builds = new SharedBuilds<void>();
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
    if (await this.isBuilt(plan.venvKey, folder)) return { python: executable, cached: true };
    const build: BuildWork<void> = (all, gone) => this.run(plan, python, folder, all, gone);
    await this.builds.join(plan.venvKey, build, listener, signal);
    return { python: executable, cached: false };
  }

  /** Stops every build. Resolves when no installer is left. */
  async dispose(): Promise<void> {
    await this.builds.dispose();
  }

  /** What lies in the home, least recently used first; `inUse` is asked for each key. */
  async list(inUse: (key: string) => boolean): Promise<StoredImage[]> {
    await finishRemovals(this.folder);
    const images: StoredImage[] = [];
    for (const key of await namesIn(this.folder)) {
      const folder = join(this.folder, key);
      const marker = await statIfThere(join(folder, MARKER));
      const content = await readMarker(this.folder, key);
      if (marker === undefined || content === undefined) continue;
      const { bytes } = await measureFolder(folder);
      const used = inUse(key) || this.builds.has(key);
      const label = labelOf(content);
      const lastUsedAt = marker.mtimeMs;
      images.push({ key, owner: 'ours', label, bytes, lastUsedAt, inUse: used });
    }
    return images.sort((a, b) => a.lastUsedAt - b.lastUsedAt);
  }

  /** Name of the build that lies there under the key; undefined where none does. */
  async buildOf(key: string): Promise<string | undefined> {
    const content = this.builds.has(key) ? undefined : await readMarker(this.folder, key);
    return content === undefined ? undefined : readContent(content).build;
  }

  /** True where its interpreter still is the Python that its packages were installed for. */
  async works(key: string): Promise<boolean> {
    const content = await readMarker(this.folder, key);
    if (content === undefined) return false;
    const script = 'import sys; print("%d.%d" % sys.version_info[:2])';
    const command = venvPython(join(this.folder, key));
    try {
      const { stdout } = await capture({ command, args: ['-I', '-S', '-c', script], env: {} });
      return stdout.trim() === minorOf(readContent(content).python);
    } catch {
      // The interpreter that it was made from is gone.
      return false;
    }
  }

  /** Removes what a build that was cut short has left; bytes that are free now. */
  async removeLeftovers(): Promise<number> {
    let freed = 0;
    for (const key of await namesIn(this.folder)) {
      if (this.builds.has(key) || (await readMarker(this.folder, key)) !== undefined) continue;
      const folder = join(this.folder, key);
      const { bytes } = await measureFolder(folder);
      if (!this.builds.has(key) && (await removeFolder(folder))) freed += bytes;
    }
    return freed;
  }

  /** Removes one image; bytes that are free now. Throws `not-found`, `conflict` while it is being built. */
  async remove(key: string): Promise<number> {
    if (this.builds.has(key)) throw new VelarError('conflict', `Image ${key} is being built.`);
    this.ready.delete(key);
    const known = (await namesIn(this.folder)).includes(key);
    const { bytes } = known ? await measureFolder(join(this.folder, key)) : { bytes: 0 };
    if (!known || !(await removeFolder(join(this.folder, key)))) {
      throw new VelarError('not-found', `There is no image ${key}.`, {
        hint: '`velar storage` lists those that there are.',
      });
    }
    return bytes;
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

  private async run(
    plan: ImagePlan,
    python: PythonInterpreter,
    folder: string,
    listener: BuildListener,
    signal: AbortSignal,
  ): Promise<void> {
    await buildVenv({ folder, python, plan, environment: this.environment, listener, signal });
    const packages = plan.steps.flatMap((step) => step.packages);
    const content = { python: python.version, packages, build: randomUUID() };
    await writeFile(join(folder, MARKER), JSON.stringify(content));
    this.ready.add(plan.venvKey);
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

function readContent(marker: string): z.infer<typeof markerSchema> {
  return markerSchema.parse(JSON.parse(marker));
}

function labelOf(marker: string): string {
  const { python, packages } = readContent(marker);
  const more = packages.length - NAMED_PACKAGES;
  const named = packages.slice(0, NAMED_PACKAGES).join(', ');
  if (named === '') return `Python ${python}`;
  return `Python ${python} with ${named}${more > 0 ? ` and ${String(more)} more` : ''}`;
}

async function statIfThere(path: string): Promise<{ mtimeMs: number } | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (isNodeError(error) && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
