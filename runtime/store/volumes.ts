/** Volumes: named folders of the home that outlive containers. */
import { mkdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { VelarError } from '../protocol/errors';
import { resourceNameSchema } from '../protocol/resources';
import { measureFolder } from './folderSize';
import { namesIn, removeFolder } from './removal';

export interface StoredVolume {
  name: string;
  bytes: number;
  /** Last time that something was written in it or that a function which uses it was prepared, ms since the epoch. */
  lastUsedAt: number;
  inUse: boolean;
}

export class VolumeStore {
  private usersOf: (name: string) => boolean = () => false;

  constructor(readonly root: string) {}

  /** Tells how to find out whether a container uses a volume. */
  askForUse(inUse: (name: string) => boolean): void {
    this.usersOf = inUse;
  }

  /** The folder of a volume, made where it lacks, marked as used. Throws `invalid` for a bad name, `disk-full`. */
  folder(name: string): string {
    checkName(name);
    const folder = join(this.root, name);
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const now = new Date();
      utimesSync(folder, now, now);
    } catch (error) {
      throw VelarError.from(error);
    }
    return folder;
  }

  /** All volumes, by name. Walks their files. */
  async list(): Promise<StoredVolume[]> {
    const volumes: StoredVolume[] = [];
    for (const name of await namesIn(this.root)) {
      const { bytes, changedAt } = await measureFolder(join(this.root, name));
      volumes.push({ name, bytes, lastUsedAt: changedAt, inUse: this.usersOf(name) });
    }
    return volumes;
  }

  /** Removes a volume with all that is in it. Throws `not-found`, `conflict` while a container uses it. */
  async remove(name: string): Promise<void> {
    checkName(name);
    if (this.usersOf(name)) {
      throw new VelarError('conflict', `A container uses volume ${name}.`, {
        hint: 'Stop it with `velar stop`, or wait until it has been idle for its window.',
      });
    }
    if (!(await removeFolder(join(this.root, name)))) {
      throw new VelarError('not-found', `There is no volume ${name}.`, {
        hint: '`velar storage` lists those that there are.',
      });
    }
  }
}

function checkName(name: string): void {
  const checked = resourceNameSchema.safeParse(name);
  if (checked.success) return;
  const reason = checked.error.issues[0]?.message ?? '';
  throw new VelarError('invalid', `${JSON.stringify(name)} is no name of a volume. ${reason}`);
}
