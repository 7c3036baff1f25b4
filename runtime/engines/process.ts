/** The process engine: each container is a Python process of this machine, in a virtual environment. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FunctionDescription, ImageDescription } from '../protocol/description';
import { ImageStore } from '../images/imageStore';
import { planImage } from '../images/imagePlan';
import {
  imageNotApplied,
  notAppliedNote,
  optionsNotApplied,
  type NotApplied,
} from '../images/notApplied';
import { findPythonVersion, minorOf, type PythonInterpreter } from '../images/python';
import { minimalEnvironment, startChild } from './children';
import type {
  BundleReader,
  ContainerExit,
  ContainerSpec,
  Engine,
  EngineImage,
  PlacedContainer,
} from './engine';
import { CONTAINER_MARK, killContainerProcesses } from './leftovers';

export interface ProcessEngineOptions {
  home: string;
  /** Folder that holds the packages `velar` and `velar_worker`. */
  pythonPackages: string;
  /** Folder of blobs, read by workers. */
  blobs: string;
  /** Finds this machine's Python; called when an image is planned. */
  python: () => Promise<PythonInterpreter>;
  environment: Readonly<Record<string, string | undefined>>;
}

interface ProcessImage extends EngineImage {
  python(): string;
}

/** Kept of what a supervisor prints on its own account. */
const KEPT_OUTPUT_CHARACTERS = 8192;

export class ProcessEngine implements Engine {
  readonly kind = 'process';
  readonly place = 'this machine';
  private readonly placed = new Map<string, PlacedContainer>();
  private readonly planned = new WeakMap<EngineImage, ProcessImage>();
  private readonly images: ImageStore;

  constructor(private readonly options: ProcessEngineOptions) {
    this.images = new ImageStore(join(options.home, 'images'), options.environment);
  }

  async planImage(
    { image, options }: Pick<FunctionDescription, 'image' | 'options'>,
    read: BundleReader,
  ): Promise<EngineImage> {
    const { python, notApplied } = await this.pythonFor(image);
    const requirements = new Map<string, string>();
    for (const layer of image.layers) {
      if (layer.kind !== 'requirements') continue;
      const content = await read(layer.path);
      if (content === undefined) {
        const full = `requirements ${layer.path}, which the bundle lacks`;
        notApplied.push({ name: `requirements ${layer.path}`, full });
      } else requirements.set(layer.path, content.toString('utf8'));
    }
    notApplied.push(...imageNotApplied(image), ...optionsNotApplied(options));
    const plan = planImage({ image, python, requirements });
    let executable = '';
    const planned: ProcessImage = {
      key: plan.imageKey,
      note: notAppliedNote(notApplied),
      environment: plan.environment,
      python: () => executable,
      isReady: () => executable !== '' && this.images.isReady(plan),
      ensure: async (listener, signal) => {
        const ready = await this.images.ensure(plan, python, listener, signal);
        executable = ready.python;
        return { cached: ready.cached };
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
    return container;
  }

  list(): PlacedContainer[] {
    return [...this.placed.values()];
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
