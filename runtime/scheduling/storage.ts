/** The runtime's disk: what lies there, how large it is, and what goes when it is too much. */
import { VelarError } from '../protocol/errors';
import { formatBytes, plural } from '../protocol/figures';
import type { StorageItem, StorageKind } from '../protocol/resources';
import type { VersionImages } from '../deployments/versionImages';
import type { Engine, StoredImage } from '../engines/engine';
import { measureFolder } from '../store/folderSize';
import { finishRemovals } from '../store/removal';
import type { Store } from '../store/store';
import {
  SWEEP_ALL,
  SWEEP_LIMITS,
  sweepBlobs,
  sweepEndpoints,
  sweepRuns,
  type Sweep,
  type SweepLimits,
} from '../store/sweep';
import type { Clock } from './clock';
import type { StorageService } from './service';
import { volumeLabel } from '../store/volumes';

const GIGABYTE = 1e9;
const DEFAULT_IMAGE_LIMIT_GB = 20;
/** An image that was used so lately stays, whatever the limit: its run may be about to start. */
const FRESH_MS = 10 * 60_000;
/** Nobody is to wait for the first look: runs come first, in ms. */
const FIRST_LOOK_MS = 5000;
/** After a run's end the disk is looked at this often at most, where it has not grown much. */
const LOOK_EVERY_MS = 60 * 60_000;
/** Calls of endpoints, and bytes of runs, after which what is over the limits goes at once. */
const MUCH = { calls: 1000, bytes: 128 * 1024 ** 2 };
const ALL = 'all';

export interface StorageOptions {
  store: Store;
  engine: Pick<Engine, 'storedImages' | 'removeImage' | 'removeLeftovers'>;
  logger: Record<'info' | 'warn', (message: string) => void>;
  environment: Readonly<Record<string, string | undefined>>;
  images: Pick<VersionImages, 'kept'>;
  /** Bundles that runs, containers or versions work with. */
  bundlesInUse: () => Iterable<string>;
  /** True for a run that goes on or that is at hand in memory. */
  runInUse: (run: string) => boolean;
  limits?: SweepLimits;
  clock: Clock;
}

export class Storage implements StorageService {
  /** One at a time: two sweeps would count each other's work. */
  private turn: Promise<unknown> = Promise.resolve();
  private lookedAt = -Infinity;
  private tidyingGrown = false;
  private readonly ended = new AbortController();
  private readonly cancelFirstLook: () => void;

  constructor(private readonly options: StorageOptions) {
    this.cancelFirstLook = options.clock.timer(FIRST_LOOK_MS, () => this.runEnded());
  }

  async list(): Promise<StorageItem[]> {
    const { engine, store } = this.options;
    const [images, volumes, logs, blobs] = await Promise.all([
      engine.storedImages(),
      store.volumes.list(),
      measureFolder(store.runsFolder),
      store.blobs.measure(),
    ]);
    const people = store.runs.sizes.totals('people');
    const calls = store.runs.sizes.totals('endpoints');
    const newestAt = Math.max(people.newestAt ?? 0, calls.newestAt ?? 0);
    const uses = store.bundleUses.list();
    const items: StorageItem[] = [
      ...images.map((image) => this.imageItem(image)),
      ...volumes.map((volume) => ({
        kind: 'volume' as const,
        label: volumeLabel(volume.name),
        ...volume,
      })),
      {
        kind: 'runs',
        name: ALL,
        label: runsLabel(people.runs, calls.runs),
        bytes: people.bytes + calls.bytes + logs.bytes,
        lastUsedAt: newestAt === 0 ? null : newestAt,
        inUse: false,
      },
      {
        kind: 'bundles',
        name: ALL,
        label: `source files of ${plural(uses.length, 'bundle')}`,
        bytes: blobs.bytes,
        lastUsedAt: uses[0]?.usedAt ?? null,
        inUse: [...this.options.bundlesInUse()].length > 0,
      },
    ];
    return items.sort((a, b) => b.bytes - a.bytes);
  }

  remove(kind: StorageKind, name: string): Promise<number> {
    return this.inTurn(async () => {
      const { engine, store } = this.options;
      if (kind === 'runs' || kind === 'bundles') {
        if (name !== ALL) {
          throw new VelarError('not-found', `${kind} go as a whole.`, {
            hint: `velar storage remove ${kind} ${ALL}`,
          });
        }
        return kind === 'runs' ? this.sweepRuns(SWEEP_ALL) : this.sweepBlobs(SWEEP_ALL);
      }
      if (kind === 'image') {
        const use = this.options.images.kept().get(name);
        if (use?.served === true) {
          throw new VelarError('conflict', `The image ${name} serves ${use.by}.`, {
            hint: 'Remove it once no environment serves that version.',
          });
        }
        return engine.removeImage(name);
      }
      const found = (await store.volumes.list()).find((volume) => volume.name === name);
      await store.volumes.remove(name);
      return found?.bytes ?? 0;
    });
  }

  prune(): Promise<number> {
    return this.inTurn(async () => (await this.pruneImages()) + (await this.pruneOld()));
  }

  /** A run has ended. */
  runEnded(): void {
    if (this.options.clock.now() - this.lookedAt >= LOOK_EVERY_MS) this.look();
    const { calls, bytes } = this.options.store.runs.sizes.growth;
    if (calls >= MUCH.calls || bytes >= MUCH.bytes) this.tidyGrown();
  }

  /** An image was built: others may have to go for it. */
  imageBuilt(): void {
    this.follow(this.inTurn(() => this.pruneImages()));
  }

  /** Resolves when nothing is being removed any more. */
  async dispose(): Promise<void> {
    this.ended.abort();
    this.cancelFirstLook();
    await this.turn;
  }

  private look(): void {
    this.lookedAt = this.options.clock.now();
    this.follow(this.inTurn(() => this.pruneOld()));
  }

  /** Only what has grown is looked at, so that a busy endpoint pays for its own calls. */
  private tidyGrown(): void {
    if (this.tidyingGrown) return;
    this.tidyingGrown = true;
    const { store, runInUse, limits = SWEEP_LIMITS } = this.options;
    const work = this.inTurn(async () => {
      const { sizes } = store.runs;
      const manyBytes = sizes.growth.bytes >= MUCH.bytes;
      const grown = sizes.takeGrown();
      await sweepEndpoints(store, this.sweep(limits), runInUse, grown);
      if (manyBytes) await sweepRuns(store, this.sweep(limits), runInUse);
    });
    this.follow(
      work.finally(() => {
        this.tidyingGrown = false;
      }),
    );
  }

  private async pruneOld(): Promise<number> {
    const { logger, store, limits = SWEEP_LIMITS } = this.options;
    await finishRemovals(store.runsFolder);
    await finishRemovals(store.volumes.root);
    const bytes = (await this.sweepRuns(limits)) + (await this.sweepBlobs(limits));
    if (bytes > 0) logger.info(`Old runs and source files of ${formatBytes(bytes)} were removed.`);
    return bytes;
  }

  private async sweepRuns(limits: SweepLimits): Promise<number> {
    const { store, runInUse } = this.options;
    store.keptCalls.expire(this.options.clock.now());
    const people = await sweepRuns(store, this.sweep(limits), runInUse);
    const endpoints = await sweepEndpoints(store, this.sweep(limits), runInUse);
    return people.bytes + endpoints.bytes;
  }

  private async sweepBlobs(limits: SweepLimits): Promise<number> {
    const { store, bundlesInUse } = this.options;
    return (await sweepBlobs(store, this.sweep(limits), bundlesInUse)).bytes;
  }

  private async pruneImages(): Promise<number> {
    const { engine, logger, clock, images } = this.options;
    let freed = await engine.removeLeftovers();
    // Of others, and of what was pulled, nobody here knows who needs it.
    const ours = (await this.storedImages()).filter(({ owner }) => owner === 'ours');
    for (const image of imagesOver(ours, this.imageLimit(), clock.now())) {
      // Deployed since it was looked at.
      if (images.kept().has(image.key)) continue;
      try {
        freed += await engine.removeImage(image.key);
      } catch (error) {
        // It was taken into use since it was looked at.
        if (error instanceof VelarError && error.code === 'conflict') continue;
        throw error;
      }
      const what = `${image.label}, ${formatBytes(image.bytes)}, ${image.key}`;
      logger.info(`An image was removed because images are over their limit: ${what}.`);
    }
    return freed;
  }

  private async storedImages(): Promise<StoredImage[]> {
    const kept = this.options.images.kept();
    const images = await this.options.engine.storedImages();
    return images.map((image) => ({ ...image, inUse: image.inUse || kept.has(image.key) }));
  }

  private imageItem({ key, owner, label, inUse, ...image }: StoredImage): StorageItem {
    const use = this.options.images.kept().get(key);
    const notes = [
      ...(use === undefined ? [] : [use.by]),
      ...(owner === 'others' ? ['of another runtime'] : []),
    ];
    return {
      kind: 'image',
      name: key,
      label: [label, ...notes].join(' · '),
      ...image,
      inUse: inUse || use?.served === true || owner === 'others',
    };
  }

  private imageLimit(): number {
    const given = this.options.environment['VELAR_IMAGE_LIMIT_GB'] ?? '';
    const limit = given === '' ? DEFAULT_IMAGE_LIMIT_GB : Number(given);
    if (limit >= 0) return limit * GIGABYTE;
    this.options.logger.warn(`VELAR_IMAGE_LIMIT_GB is no number: ${given}`);
    return DEFAULT_IMAGE_LIMIT_GB * GIGABYTE;
  }

  private sweep(limits: SweepLimits): Sweep {
    return { limits, signal: this.ended.signal, now: this.options.clock.now() };
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(() => {
      if (this.ended.signal.aborted) throw new VelarError('cancelled', 'The runtime ends.');
      return work();
    });
    this.turn = mine.catch(() => undefined);
    return mine;
  }

  /** For what nobody waits for: a failure is said in the log. */
  private follow(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      const { code, message } = VelarError.from(error);
      if (code !== 'cancelled') this.options.logger.warn(`The disk was not tidied: ${message}`);
    });
  }
}

function runsLabel(runs: number, calls: number): string {
  if (calls === 0) return `${plural(runs, 'run')} with logs`;
  return `${plural(runs, 'run')} and ${plural(calls, 'call')} of endpoints, with logs`;
}

/** Which images go, least recently used first, until the rest fits the limit. Those in use and fresh ones stay. */
export function imagesOver(
  images: readonly StoredImage[],
  limitBytes: number,
  now: number,
): StoredImage[] {
  let total = images.reduce((sum, { bytes }) => sum + bytes, 0);
  const oldest = [...images].sort((a, b) => a.lastUsedAt - b.lastUsedAt);
  return oldest.filter(({ bytes, inUse, lastUsedAt }) => {
    if (total <= limitBytes || inUse || now - lastUsedAt < FRESH_MS) return false;
    total -= bytes;
    return true;
  });
}
