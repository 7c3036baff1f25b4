/** The process engine: each container is a Python process of this machine, in a virtual environment. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImagePin } from '../protocol/deployments';
import type {
  FunctionDescription,
  FunctionOptions,
  ImageDescription,
} from '../protocol/description';
import { ANOTHER_BUILD } from '../images/anotherBuild';
import { ImageStore } from '../images/imageStore';
import { planImage, planOver } from '../images/imagePlan';
import {
  imageNotApplied,
  notAppliedNote,
  optionsNotApplied,
  volumesNote,
  withNote,
  type NotApplied,
} from '../images/notApplied';
import { findPythonVersion, minorOf, type PythonInterpreter } from '../images/python';
import type { Environment } from '../protocol/deployments';
import { VelarError } from '../protocol/errors';
import { volumeOf, type VolumeStore } from '../store/volumes';
import { minimalEnvironment, startChild } from './children';
import type {
  BundleFiles,
  ContainerExit,
  ContainerSpec,
  Engine,
  EngineImage,
  PlacedContainer,
  PlannedFor,
  StoredImage,
} from './engine';
import { CONTAINER_MARK, killContainerProcesses } from './leftovers';
import { volumeEnvironment } from './volumePaths';

export interface ProcessEngineOptions {
  home: string;
  /** Folder that holds the packages `velar` and `velar_worker`. */
  pythonPackages: string;
  /** Folder of blobs, read by workers. */
  blobs: string;
  volumes: Pick<VolumeStore, 'folder'>;
  /** Finds this machine's Python; called when an image is planned. */
  python: () => Promise<PythonInterpreter>;
  environment: Readonly<Record<string, string | undefined>>;
}

interface ProcessImage extends EngineImage {
  /** Names its virtual environment. */
  venvKey(): string;
  python(): string;
}

/** An image that was asked for stays in use for so long, until its container is there, in ms. */
const ABOUT_TO_START_MS = 60_000;

/** Kept of what a supervisor prints on its own account. */
const KEPT_OUTPUT_CHARACTERS = 8192;

export class ProcessEngine implements Engine {
  readonly kind = 'process';
  readonly place = 'this machine';
  readonly brought: { folder: string; inside: string };
  private readonly placed = new Map<string, PlacedContainer>();
  /** Virtual environments of the containers that are placed. */
  private readonly venvs = new Map<string, string>();
  /** When each virtual environment was last asked for. */
  private readonly asked = new Map<string, number>();
  private readonly planned = new WeakMap<EngineImage, ProcessImage>();
  private readonly images: ImageStore;

  constructor(private readonly options: ProcessEngineOptions) {
    const folder = join(options.home, 'debugpy');
    this.brought = { folder, inside: folder };
    this.images = new ImageStore(join(options.home, 'images'), options.environment);
  }

  async planImage(
    { image, options }: Pick<FunctionDescription, 'image' | 'options'>,
    files: BundleFiles,
    { environment, pin }: PlannedFor = {},
  ): Promise<EngineImage> {
    const { python, notApplied } = await this.pythonFor(image);
    const requirements = new Map<string, string>();
    for (const layer of image.layers) {
      if (layer.kind !== 'requirements') continue;
      const content = await files.read(layer.path);
      if (content === undefined) {
        const full = `requirements ${layer.path}, which the bundle lacks`;
        notApplied.push({ name: `requirements ${layer.path}`, full });
      } else requirements.set(layer.path, content.toString('utf8'));
    }
    notApplied.push(...imageNotApplied(image), ...optionsNotApplied(options));
    const today = planImage({ image, python, requirements });
    // A Python that was updated since gives the same image another name; what is there still serves.
    const pinned =
      pin !== undefined && pin.key !== today.venvKey && (await this.images.works(pin.key))
        ? planOver(today, pin.key)
        : undefined;
    let plan = pinned ?? today;
    let executable = '';
    const planned: ProcessImage = {
      key: plan.imageKey,
      venvKey: () => plan.venvKey,
      note: noteOf(notApplied, options),
      environment: { ...plan.environment, ...this.volumesOf(options, environment) },
      python: () => executable,
      isReady: () => this.images.isReady(plan),
      ensure: async (listener, signal) => {
        this.asked.set(plan.venvKey, Date.now());
        if (pin !== undefined && !(await this.hasImage(pin))) {
          listener.output(ANOTHER_BUILD);
          if ((await this.images.buildOf(plan.venvKey)) === undefined) plan = today;
        }
        this.asked.set(plan.venvKey, Date.now());
        const ready = await this.images.ensure(plan, python, listener, signal);
        this.asked.set(plan.venvKey, Date.now());
        executable = ready.python;
        return { cached: ready.cached };
      },
      pin: async () => {
        const build = await this.images.buildOf(plan.venvKey);
        return build === undefined ? undefined : { key: plan.venvKey, build };
      },
    };
    this.planned.set(planned, planned);
    return planned;
  }

  async start(spec: ContainerSpec): Promise<PlacedContainer> {
    const image = this.planned.get(spec.image);
    if (image === undefined) throw new Error('The image was planned by another engine.');
    const workdir = join(this.options.home, 'containers', spec.container);
    await mkdir(workdir, { recursive: true, mode: 0o700 });
    const child = await startChild({
      command: image.python(),
      args: ['-m', 'velar_worker'],
      cwd: workdir,
      env: this.environmentOf(spec, image, workdir),
    });
    child.stdin.end();
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-KEPT_OUTPUT_CHARACTERS);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const exited = child.exited.then(async ({ code, signal }): Promise<ContainerExit> => {
      await killContainerProcesses(spec.container);
      await rm(workdir, { recursive: true, force: true, maxRetries: 3 });
      this.placed.delete(spec.container);
      this.venvs.delete(spec.container);
      return { code, signal, output };
    });
    const container: PlacedContainer = {
      container: spec.container,
      pid: child.pid,
      exited,
      stop: async (graceMs) => {
        await child.stop(graceMs);
        return exited;
      },
    };
    this.placed.set(spec.container, container);
    this.venvs.set(spec.container, image.venvKey());
    return container;
  }

  list(): PlacedContainer[] {
    return [...this.placed.values()];
  }

  storedImages(): Promise<StoredImage[]> {
    return this.images.list((key) => this.uses(key));
  }

  async hasImage({ key, build }: ImagePin): Promise<boolean> {
    return (await this.images.buildOf(key)) === build;
  }

  async removeImage(key: string): Promise<number> {
    if (this.uses(key)) {
      throw new VelarError('conflict', `A container uses image ${key}.`, {
        hint: 'Stop it with `velar stop`, or wait until it has been idle for its window.',
      });
    }
    return this.images.remove(key);
  }

  removeLeftovers(): Promise<number> {
    return this.images.removeLeftovers();
  }

  async dispose(): Promise<void> {
    await Promise.all([
      ...this.list().map((container) => container.stop(0)),
      this.images.dispose(),
    ]);
  }

  /** The Python an image asks for where this machine has it, else this machine's own, said so. */
  private async pythonFor(
    image: ImageDescription,
  ): Promise<{ python: PythonInterpreter; notApplied: NotApplied[] }> {
    const own = await this.options.python();
    const wanted = image.base.kind === 'debian_slim' ? image.base.pythonVersion : null;
    if (wanted === null || minorOf(wanted) === minorOf(own.version)) {
      return { python: own, notApplied: [] };
    }
    const { environment } = this.options;
    const found = await findPythonVersion(minorOf(wanted), { environment });
    if (found !== undefined) return { python: found, notApplied: [] };
    const name = `Python ${wanted}`;
    return { python: own, notApplied: [{ name, full: `${name} (this is ${own.version})` }] };
  }

  private uses(venvKey: string): boolean {
    const asked = this.asked.get(venvKey) ?? -Infinity;
    return [...this.venvs.values()].includes(venvKey) || Date.now() - asked < ABOUT_TO_START_MS;
  }

  private volumesOf(
    { volumes }: FunctionOptions,
    environment: Environment | undefined,
  ): Record<string, string> {
    const names = new Set(Object.values(volumes));
    const folder = (name: string): string =>
      this.options.volumes.folder(volumeOf(name, environment));
    return volumeEnvironment(Object.fromEntries([...names].map((name) => [name, folder(name)])));
  }

  private environmentOf(
    spec: ContainerSpec,
    image: ProcessImage,
    workdir: string,
  ): Record<string, string> {
    return {
      ...minimalEnvironment(this.options.environment),
      ...image.environment,
      PYTHONPATH: this.options.pythonPackages,
      PYTHONUNBUFFERED: '1',
      // The packages folder may be read-only or shared; nothing is written beside the sources.
      PYTHONDONTWRITEBYTECODE: '1',
      VELAR_SOCKET: spec.link.address,
      VELAR_TOKEN: spec.link.token,
      VELAR_CONTAINER: spec.container,
      // Stays in the environment of everything that user code starts, so that none of it is left behind.
      [CONTAINER_MARK]: spec.container,
      VELAR_BLOBS: this.options.blobs,
      VELAR_WORKDIR: workdir,
      VELAR_DEVICE: spec.device,
      CUDA_VISIBLE_DEVICES: spec.gpus.map((gpu) => gpu.uuid).join(','),
    };
  }
}

function noteOf(notApplied: readonly NotApplied[], options: FunctionOptions): string | undefined {
  const volumes = volumesNote(options);
  const note = notAppliedNote(notApplied);
  return volumes === undefined ? note : withNote(volumes, note);
}
