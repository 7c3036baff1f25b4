/** What the engine does not keep about images, in the home: when each was used last, its Python, whether we pulled it. */
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { sha256Hex } from '../../protocol/bundles';
import { isNodeError } from '../../protocol/errors';
import type { ImagePython } from './pythonCheck';

/** An image that was pulled because one of ours stands on it. */
export interface PulledImage {
  reference: string;
  id: string;
  /** ms since the epoch. */
  lastUsedAt: number;
}

const pulledSchema = z.object({ reference: z.string(), id: z.string() });
const PULLED = '.pulled';

const pythonSchema = z.object({ executable: z.string(), version: z.string() });

export class ImageMemory {
  private readonly pythons = new Map<string, ImagePython>();

  /** `folder` is made with the first thing that is kept. */
  constructor(private readonly folder: string) {}

  /** Notes that an image is used now. */
  async use(key: string): Promise<void> {
    const path = join(this.folder, `${key}.used`);
    const now = new Date();
    try {
      await utimes(path, now, now);
    } catch (error) {
      if (!isNodeError(error) || error.code !== 'ENOENT') throw error;
      await mkdir(this.folder, { recursive: true });
      await writeFile(path, '');
    }
  }

  /** Notes that an image was pulled just now. */
  async rememberPulled(reference: string, id: string): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    await writeFile(this.pulledPath(reference), JSON.stringify({ reference, id }));
  }

  /** Notes that an image of a registry is used now; nothing where it was not pulled by us. */
  async usePulled(reference: string): Promise<void> {
    const now = new Date();
    try {
      await utimes(this.pulledPath(reference), now, now);
    } catch (error) {
      if (!isNodeError(error) || error.code !== 'ENOENT') throw error;
    }
  }

  async pulled(): Promise<PulledImage[]> {
    const files = await filesIn(this.folder);
    const found = files
      .filter((name) => name.endsWith(PULLED))
      .map(async (name): Promise<PulledImage[]> => {
        const path = join(this.folder, name);
        try {
          const kept = pulledSchema.parse(JSON.parse(await readFile(path, 'utf8')));
          return [{ ...kept, lastUsedAt: (await stat(path)).mtimeMs }];
        } catch {
          // Cut short by a crash, or forgotten in this moment.
          return [];
        }
      });
    return (await Promise.all(found)).flat();
  }

  async forgetPulled(reference: string): Promise<void> {
    await rm(this.pulledPath(reference), { force: true });
  }

  /** ms since the epoch; undefined for an image that this home has not used. */
  async lastUsedAt(key: string): Promise<number | undefined> {
    try {
      return (await stat(join(this.folder, `${key}.used`))).mtimeMs;
    } catch (error) {
      if (isNodeError(error) && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async forget(key: string, imageId: string): Promise<void> {
    this.pythons.delete(imageId);
    await rm(join(this.folder, `${key}.used`), { force: true });
    await rm(this.pythonPath(imageId), { force: true });
  }

  /** The Python of an image, by the image's id: what an id names never changes. */
  async python(imageId: string): Promise<ImagePython | undefined> {
    const known = this.pythons.get(imageId);
    if (known !== undefined) return known;
    try {
      const python = pythonSchema.parse(
        JSON.parse(await readFile(this.pythonPath(imageId), 'utf8')),
      );
      this.pythons.set(imageId, python);
      return python;
    } catch {
      // Missing, or cut short by a crash: the image is asked again.
      return undefined;
    }
  }

  async rememberPython(imageId: string, python: ImagePython): Promise<void> {
    this.pythons.set(imageId, python);
    await mkdir(this.folder, { recursive: true });
    await writeFile(this.pythonPath(imageId), JSON.stringify(python));
  }

  private pulledPath(reference: string): string {
    return join(this.folder, `${sha256Hex(reference).slice(0, 32)}${PULLED}`);
  }

  private pythonPath(imageId: string): string {
    return join(this.folder, `${imageId.replace(/^sha256:/, '')}.python`);
  }
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isNodeError(error) && error.code === 'ENOENT') return [];
    throw error;
  }
}
