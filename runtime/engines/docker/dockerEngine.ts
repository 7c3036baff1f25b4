/** The Docker engine: each container is one of Docker's, on this host, hardened and labelled. */
import { lchownSync, mkdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Environment, ImagePin } from '../../protocol/deployments';
import type { FunctionDescription, FunctionOptions } from '../../protocol/description';
import { sha256Hex } from '../../protocol/bundles';
import { VelarError } from '../../protocol/errors';
import { DockerImages, type DockerImagePlan } from '../../images/docker/dockerImages';
import type { ImagePython } from '../../images/docker/pythonCheck';
import { canonicalJson } from '../../images/imagePlan';
import { namesIn } from '../../store/removal';
import { volumeOf, type VolumeStore } from '../../store/volumes';
import type {
  BuildListener,
  BundleFiles,
  ContainerSpec,
  Engine,
  EngineImage,
  LeftContainer,
  PlacedContainer,
  PlannedFor,
  StoredImage,
} from '../engine';
import { MODEL_CACHE_VOLUME, modelCacheEnvironment, volumeEnvironment } from '../volumePaths';
import { BundleShare, type SharedBlobs } from './bundleShare';
import { connectDocker, engineDevices, type DockerHost } from './connect';
import { createOptions, INSIDE, LABEL } from './createOptions';
import { deviceRequest, type DeviceRequest } from './deviceRequest';
import { asked, engineFault, startFailure } from './failures';
import { findLeft, removeAll } from './leftovers';
import { DockerContainer } from './placed';
import { containerUser, type ContainerUser } from './user';
import { WorkerPackages } from './workerPackages';

export interface DockerEngineOptions {
  home: string;
  /** Id of the runtime: what carries it as label is this runtime's. */
  runtime: string;
  /** Folder that holds the packages `velar` and `velar_worker`. */
  pythonPackages: string;
  /** What workers read of bundles. */
  shared: SharedBlobs;
  volumes: Pick<VolumeStore, 'folder'>;
  /** Minor version of this machine's Python, such as `3.11`, for images that name none. */
  pythonVersion: () => Promise<string>;
  environment: Readonly<Record<string, string | undefined>>;
  logger: { info(message: string): void; warn(message: string): void };
}

/** Folder of the home for what each container can read of the blobs. */
const SHARES = 'shares';

/** What containers of one image and the same limits are made of. */
interface Planned {
  plan: DockerImagePlan;
  limits: Pick<FunctionOptions, 'cpu' | 'memoryMiB' | 'volumes'>;
  /** Of what is deployed: whose volumes it has. */
  deployedTo: Environment | undefined;
  /** Once it is ready. */
  ready?: {
    id: string;
    python: ImagePython;
    /** Names of the variables that the image itself sets. */
    sets: ReadonlySet<string>;
  };
}

/** The steps of a build that failed are of use as long as somebody may try to mend it. */
const LEFTOVERS_KEPT_MS = 24 * 3_600_000;

/** Connects, and finds what an earlier process of this runtime left. Throws as `connectDocker` does. */
export async function createDockerEngine(options: DockerEngineOptions): Promise<Engine> {
  const host = await connectDocker(options.environment);
  const user = containerUser();
  if (user.uid !== process.getuid?.()) {
    // What root writes has to be readable in containers; the home itself lets nobody else in.
    process.umask(0o022);
  }
  const shareOf = (container: string): BundleShare =>
    new BundleShare(join(options.home, SHARES, container), options.shared);
  const { left, removed } = await asked(
    host.socket,
    findLeft(host.docker, options.runtime, shareOf, (message) => options.logger.warn(message)),
  );
  const known = new Set(left.map(({ placed }) => placed.container));
  for (const name of await namesIn(join(options.home, SHARES))) {
    if (!known.has(name)) await shareOf(name).remove();
  }
  if (removed.length > 0) {
    options.logger.info(`Removed containers that an earlier runtime left: ${removed.join(', ')}.`);
  }
  return new DockerEngine(host, user, left, shareOf, options);
}

class DockerEngine implements Engine {
  readonly kind = 'docker';
  readonly place = 'this Docker host';
  readonly brought: { folder: string; inside: string };
  private readonly placed = new Map<string, PlacedContainer>();
  /** Those that the engine took with it as it went away: it may have kept them. */
  private readonly lost = new Set<DockerContainer>();
  private readonly planned = new WeakMap<EngineImage, Planned>();
  private readonly images: DockerImages;
  private readonly packages: WorkerPackages;
  private readonly warn = (message: string): void => this.options.logger.warn(message);

  constructor(
    private readonly host: DockerHost,
    private readonly user: ContainerUser,
    readonly left: readonly (LeftContainer & { placed: DockerContainer })[],
    private readonly shareOf: (container: string) => BundleShare,
    private readonly options: DockerEngineOptions,
  ) {
    const { home, environment, pythonVersion } = options;
    this.brought = { folder: join(home, 'debugpy'), inside: INSIDE.debugpy };
    // Docker would make a missing one root's.
    mkdirSync(this.brought.folder, { recursive: true });
    for (const { placed } of left) this.keep(placed);
    const labels = { [LABEL.runtime]: options.runtime };
    this.packages = new WorkerPackages({
      docker: host.docker,
      sources: options.pythonPackages,
      folder: join(home, 'worker'),
      labels,
      warn: this.warn,
    });
    this.images = new DockerImages({
      docker: host.docker,
      folder: join(home, 'docker-images'),
      runtime: options.runtime,
      labels,
      user: this.userName,
      environment,
      pythonVersion,
    });
  }

  async planImage(
    { image, options }: Pick<FunctionDescription, 'image' | 'options'>,
    files: BundleFiles,
    { environment, pin }: PlannedFor = {},
  ): Promise<EngineImage> {
    const plan = await asked(this.host.socket, this.images.plan(image, files, pin));
    const { cpu, memoryMiB, volumes } = options;
    const limits = { cpu, memoryMiB, volumes };
    this.checkLimits(limits);
    const planned: Planned = { plan, limits, deployedTo: environment };
    const made: EngineImage = {
      key: sha256Hex(canonicalJson({ image: plan.key, limits })).slice(0, 32),
      note: undefined,
      environment: plan.environment,
      isReady: () => this.images.isReady(plan),
      ensure: (listener, signal) => asked(this.host.socket, this.ensure(planned, listener, signal)),
      pin: () => asked(this.host.socket, this.pin(planned)),
    };
    this.planned.set(made, planned);
    return made;
  }

  private async ensure(
    planned: Planned,
    listener: BuildListener,
    signal: AbortSignal,
  ): Promise<{ cached: boolean; pulled: boolean }> {
    const ready = await this.images.ensure(planned.plan, listener, signal);
    const { cached, pulled, id, python } = ready;
    if (planned.ready?.id !== id) {
      planned.ready = { id, python, sets: await this.variablesOf(id) };
    }
    return { cached, pulled };
  }

  private async pin(planned: Planned): Promise<ImagePin | undefined> {
    const build = await this.images.pin(planned.plan);
    // From here on it is that build, whatever becomes of what it stands on.
    if (build !== undefined) planned.plan = { ...planned.plan, pin: build, pinned: true };
    return build;
  }

  start(spec: ContainerSpec): Promise<PlacedContainer> {
    return asked(this.host.socket, this.startOne(spec));
  }

  private async startOne(spec: ContainerSpec): Promise<PlacedContainer> {
    const planned = this.planned.get(spec.image);
    if (planned?.ready === undefined) throw new Error('The image is not one that is ready here.');
    const { plan, ready, limits, deployedTo } = planned;
    const { docker, memoryBytes } = this.host;
    const share = this.shareOf(spec.container);
    const options = createOptions({
      container: spec.container,
      runtime: this.options.runtime,
      app: spec.app,
      image: { id: ready.id, python: ready.python.executable, key: plan.key },
      pool: spec.pool,
      gpus: spec.gpus,
      devices: await this.devicesFor(spec),
      device: spec.device,
      limits,
      host: { memoryBytes },
      folders: {
        packages: await this.packages.folder(ready.id, ready.python),
        blobs: share.folder,
        debugpy: this.brought.folder,
        link: dirname(spec.link.address),
      },
      socketName: basename(spec.link.address),
      token: spec.link.token,
      volumes: this.mountsOf(limits.volumes, deployedTo),
      environment: {
        // An image that brings models along says where they are.
        ...without(modelCacheEnvironment(INSIDE.models), ready.sets),
        ...plan.environment,
        ...volumeEnvironment(pathsOf(limits.volumes)),
      },
      user: this.userName,
      network: this.options.environment['VELAR_DOCKER_NETWORK'],
    });
    await this.removeLost();
    try {
      await share.make();
      const handle = await docker.createContainer(options);
      const parts = { docker, handle, share, warn: this.warn };
      const placed = await DockerContainer.start(spec.container, parts);
      this.keep(placed);
      return placed;
    } catch (error) {
      await share.remove();
      throw engineFault(error, this.host.socket) ?? startFailure(error);
    }
  }

  list(): PlacedContainer[] {
    return [...this.placed.values()];
  }

  storedImages(): Promise<StoredImage[]> {
    return asked(this.host.socket, this.images.stored());
  }

  removeImage(key: string): Promise<number> {
    return asked(this.host.socket, this.images.remove(key));
  }

  hasImage(pin: ImagePin): Promise<boolean> {
    return asked(this.host.socket, this.images.has(pin));
  }

  removeLeftovers(): Promise<number> {
    return asked(this.host.socket, this.images.removeLeftovers(LEFTOVERS_KEPT_MS));
  }

  async dispose(): Promise<void> {
    await Promise.all([
      ...this.list().map((container) => container.stop(0)),
      this.images.dispose(),
    ]);
    // The engine may have kept what it lost sight of as it went away, or as it was asked for it.
    await removeAll(this.host.docker, this.options.runtime, this.warn);
  }

  private get userName(): string {
    return `${this.user.uid}:${this.user.gid}`;
  }

  private keep(placed: DockerContainer): void {
    this.placed.set(placed.container, placed);
    // `exited` never rejects.
    void placed.exited.then(() => {
      this.placed.delete(placed.container);
      if (placed.lost) this.lost.add(placed);
    });
  }

  private async removeLost(): Promise<void> {
    const removed = [...this.lost].map(async (container) => {
      if (await container.remove()) this.lost.delete(container);
    });
    await Promise.all(removed);
  }

  private checkLimits({ cpu, memoryMiB }: Pick<FunctionOptions, 'cpu' | 'memoryMiB'>): void {
    const { cpus, memoryBytes } = this.host;
    if (cpu !== null && cpu > cpus) {
      throw new VelarError('invalid', `cpu=${cpu} is more than the ${cpus} cores of this host.`, {
        hint: 'Ask for fewer in the decorator, or pair a larger runtime.',
      });
    }
    const mebibytes = Math.floor(memoryBytes / (1024 * 1024));
    if (memoryMiB !== null && memoryMiB > mebibytes) {
      throw new VelarError(
        'invalid',
        `memory=${memoryMiB} is more than the ${mebibytes} MiB of this host.`,
        { hint: 'Ask for less in the decorator, or pair a larger runtime.' },
      );
    }
  }

  private async variablesOf(image: string): Promise<ReadonlySet<string>> {
    const { Config } = await this.host.docker.getImage(image).inspect();
    return new Set((Config.Env ?? []).map((entry) => entry.slice(0, entry.indexOf('='))));
  }

  private async devicesFor({ gpus, everyCard }: ContainerSpec): Promise<DeviceRequest | undefined> {
    if (gpus.length === 0) return undefined;
    const { devices } = this.host;
    // A CDI specification may be written, and the toolkit installed, while the runtime is up.
    const newest = devices.runtimes.includes('nvidia') ? devices : await engineDevices(this.host);
    return deviceRequest(gpus, everyCard, newest);
  }

  /** Volumes of the function, and the one that keeps downloaded models for all functions. */
  private mountsOf(
    volumes: FunctionOptions['volumes'],
    environment: Environment | undefined,
  ): { folder: string; path: string }[] {
    const asked = Object.entries(volumes).map(([path, name]) => ({
      path,
      name: volumeOf(name, environment),
    }));
    return [...asked, { path: INSIDE.models, name: MODEL_CACHE_VOLUME }].map(({ path, name }) => {
      const folder = this.options.volumes.folder(name);
      if (this.user.uid !== process.getuid?.()) lchownSync(folder, this.user.uid, this.user.gid);
      return { folder, path };
    });
  }
}

/** Paths of volumes in the container, by name. */
function pathsOf(volumes: FunctionOptions['volumes']): Record<string, string> {
  return Object.fromEntries(Object.entries(volumes).map(([path, name]) => [name, path]));
}

function without(
  variables: Readonly<Record<string, string>>,
  names: ReadonlySet<string>,
): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !names.has(name)));
}
