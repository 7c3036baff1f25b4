/** What an engine does: makes images ready, places containers, lists them, stops them. Nothing else. */
import type { Readable } from 'node:stream';
import type { Environment, ImagePin } from '../protocol/deployments';
import type { FunctionDescription } from '../protocol/description';
import type { FileEntry, Gpu } from '../protocol/methods';

/** What is done for an image; `joined`: who tells this came when it was going on already. */
export type ImageWork = 'pull' | 'build' | 'check' | 'joined';

export interface BuildListener {
  /** One line of progress, for the phase's detail. */
  progress(detail: string, work: ImageWork): void;
  /** A line that the builder printed, newline included. */
  output(text: string): void;
}

/** An image as the engine sees it. */
export interface EngineImage {
  /** Containers of one key are interchangeable. */
  readonly key: string;
  /** What the engine does not apply of image and options, for the phase's detail. */
  readonly note: string | undefined;
  /** Environment variables of the image; functions add theirs. */
  readonly environment: Readonly<Record<string, string>>;
  /**
   * Builds or joins a build. Resolves to whether it was there, and whether all that was done was a pull.
   * Throws ImageBuildError, `cancelled`.
   */
  ensure(
    listener: BuildListener,
    signal: AbortSignal,
  ): Promise<{ cached: boolean; pulled?: boolean }>;
  /** True when `ensure` would find it there, as far as is known without looking. */
  isReady(): boolean;
  /** The build that it is, which the engine keeps by that name from now on; undefined while there is none. */
  pin(): Promise<ImagePin | undefined>;
}

/** What an image is planned for, where it is of something deployed. */
export interface PlannedFor {
  /** Its volumes may be its own. */
  environment?: Environment | undefined;
  /** That very build, as long as it is there; else what is built anew says so as it is built. */
  pin?: ImagePin | undefined;
}

/** Files of a bundle; paths are relative to its root, with `/`. */
export interface BundleFiles {
  /** The whole file; undefined for one that the bundle lacks. For files that are small by their nature. */
  read(path: string): Promise<Buffer | undefined>;
  /** The file as a stream, however large. Throws `not-found`. */
  open(path: string): Readable;
  /** Files under a folder, sorted by path, or the one file of that path; all of them for `.`. */
  list(path: string): readonly FileEntry[];
}

export interface ContainerSpec {
  container: string;
  app: string;
  /** Containers with equal ones can stand in for each other. */
  pool: string;
  image: EngineImage;
  /** Cards that it may use; none on CPU. */
  gpus: readonly Gpu[];
  /** They are all that the machine has. */
  everyCard: boolean;
  device: 'cpu' | 'gpu';
  /** Where the worker dials, and the token it says there. */
  link: { address: string; token: string };
}

export interface ContainerExit {
  code: number | null;
  signal: string | null;
  /** The last of what the supervisor itself printed, for errors. */
  output: string;
  /** True where the engine says that a process of it was ended for a lack of memory. */
  oom?: boolean;
}

export interface PlacedContainer {
  readonly container: string;
  readonly pid: number | null;
  /** Resolves when no process of it is left. Never rejects. */
  readonly exited: Promise<ContainerExit>;
  /** Lets its worker read a bundle, before that is told to load it; absent where workers read every blob. */
  bring?(bundle: string): Promise<void>;
  /** Asks it to end, and ends it after `graceMs`. Rejects where the engine can't. */
  stop(graceMs: number): Promise<ContainerExit>;
}

/** A container that an earlier process of this runtime left running, and whose worker may dial in again. */
export interface LeftContainer {
  readonly placed: PlacedContainer;
  /** As its ContainerSpec had it. */
  readonly pool: string;
  /** SHA-256 of its worker's token, in hex. */
  readonly tokenDigest: string;
  /** Ids of the cards that it holds. */
  readonly gpus: readonly string[];
}

/** An image on the engine's disk that Velar has to do with. */
export interface StoredImage {
  key: string;
  /** `pulled`: by this runtime, though others may use it as well. `others`: made for another runtime. */
  owner: 'ours' | 'pulled' | 'others';
  /** What is in it, for people. */
  label: string;
  bytes: number;
  /** ms since the epoch. */
  lastUsedAt: number;
  /** A container has it or is about to, or it is being built. */
  inUse: boolean;
}

export interface Engine {
  readonly kind: 'process' | 'docker' | 'swarm';
  /** What `provisioning` is skipped for, such as "this machine". */
  readonly place: string;
  /** What an earlier process left; none where workers end with their runtime. */
  readonly left?: readonly LeftContainer[];
  /** Folder of this machine whose content containers see, read-only, and where; none where they can't be debugged. */
  readonly brought?: { folder: string; inside: string };
  /** Throws `python-missing` and other errors that name what is missing. */
  planImage(
    wanted: Pick<FunctionDescription, 'image' | 'options'>,
    files: BundleFiles,
    of?: PlannedFor,
  ): Promise<EngineImage>;
  /** Whether that very build is still there. */
  hasImage(pin: ImagePin): Promise<boolean>;
  start(spec: ContainerSpec): Promise<PlacedContainer>;
  list(): PlacedContainer[];
  /** Images that Velar made or pulled, and no others; least recently used first. */
  storedImages(): Promise<StoredImage[]>;
  /** Removes one of `storedImages`; bytes that are free now. Throws `not-found`, `conflict` while others need it. */
  removeImage(key: string): Promise<number>;
  /** Removes what builds that failed have left, once it is old; bytes that are free now. */
  removeLeftovers(): Promise<number>;
  /** Ends every container and build. Resolves when no process is left. */
  dispose(): Promise<void>;
}
