/** Volumes: named folders of the home that outlive containers. */
import { existsSync, mkdirSync, utimesSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from '../protocol/deployments';
import { VelarError } from '../protocol/errors';
import { resourceNameSchema } from '../protocol/resources';
import { copyFolder } from './folderCopy';
import { measureFolder } from './folderSize';
import { asideOf, namesIn, removeFolder } from './removal';

export interface StoredVolume {
  name: string;
  bytes: number;
  /** Last time that something was written in it or that a function which uses it was prepared, ms since the epoch. */
  lastUsedAt: number;
  inUse: boolean;
}

/** No volume's own name has it. */
const STAGED = '@staging';

/**
 * The volume that a function of the environment gets for the name that its code has: what staging writes never reaches
 * production. Runs from an editor and production share the plain one.
 */
export function volumeOf(name: string, environment: Environment | undefined): string {
  return environment === 'staging' ? `${name}${STAGED}` : name;
}

/** For people. */
export function volumeLabel(name: string): string {
  return name.endsWith(STAGED) ? `${name.slice(0, -STAGED.length)}, of staging` : name;
}

/** Told of a copy as it goes: bytes so far, and of all. What it throws ends the copy. */
export type CopyListener = (bytes: number, total: number) => void;

export class VolumeStore {
  private usersOf: (name: string) => boolean = () => false;
  private readonly seeding = new Map<string, Promise<number>>();

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

  /**
   * Makes staging's volume as a copy of the plain one as it is now, where it is not there yet. Resolves with its bytes
   * where it was made by this call, else with undefined. Throws `disk-full`, and what the listener throws.
   */
  async seed(name: string, listener: CopyListener = () => undefined): Promise<number | undefined> {
    checkName(name);
    const folder = join(this.root, volumeOf(name, 'staging'));
    const going = this.seeding.get(folder);
    if (going !== undefined) {
      // One that was given up is begun anew.
      const done = await going.then(
        () => true,
        () => false,
      );
      return done ? undefined : this.seed(name, listener);
    }
    if (existsSync(folder)) return undefined;
    const copying = this.copy(join(this.root, name), folder, listener);
    this.seeding.set(folder, copying);
    try {
      return await copying;
    } finally {
      this.seeding.delete(folder);
    }
  }

  /** Under another name until it is whole. */
  private async copy(plain: string, staged: string, listener: CopyListener): Promise<number> {
    const aside = asideOf(staged);
    try {
      mkdirSync(aside, { recursive: true, mode: 0o700 });
      let bytes = 0;
      if (existsSync(plain)) {
        const { bytes: total } = await measureFolder(plain);
        await copyFolder(plain, aside, (more) => {
          bytes += more;
          listener(bytes, Math.max(bytes, total));
        });
      }
      await rename(aside, staged);
      return bytes;
    } catch (error) {
      await rm(aside, { recursive: true, force: true });
      throw VelarError.from(error);
    }
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
  const plain = name.endsWith(STAGED) ? name.slice(0, -STAGED.length) : name;
  const checked = resourceNameSchema.safeParse(plain);
  if (checked.success) return;
  const reason = checked.error.issues[0]?.message ?? '';
  throw new VelarError('invalid', `${JSON.stringify(name)} is no name of a volume. ${reason}`);
}
