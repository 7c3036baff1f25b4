/** The frames of failed runs, one file in each run's folder: they go when the run does. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isNodeError } from '../protocol/errors';
import { postMortemSchema, type PostMortem } from '../protocol/postMortem';

const FILE = 'frames.json';

export class RunFrames {
  constructor(private readonly runFolder: (run: string) => string) {}

  /** Throws the file system's error. */
  async write(run: string, frames: PostMortem): Promise<void> {
    const folder = this.runFolder(run);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(join(folder, FILE), JSON.stringify(frames), { mode: 0o600 });
  }

  /** Undefined for a run that has none. Throws the file system's error, or that of a damaged file. */
  async read(run: string): Promise<PostMortem | undefined> {
    try {
      const text = await readFile(join(this.runFolder(run), FILE), 'utf8');
      return postMortemSchema.parse(JSON.parse(text));
    } catch (error) {
      if (isNodeError(error) && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }
}
