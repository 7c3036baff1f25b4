/** The images of a Docker engine: each planned without network, built once for all who wait, kept by its key. */
import type Docker from 'dockerode';
import type { BuildListener, BundleFiles, StoredImage } from '../../engines/engine';
import type { ImageDescription } from '../../protocol/description';
import { VelarError } from '../../protocol/errors';
import type { RunError } from '../../protocol/values';
import { ImageBuildError, placeTraceback } from '../buildError';
import { SharedBuilds } from '../sharedBuilds';
import { ImageMemory } from './imageMemory';
import { imageKeyOf, readParts, type ImageParts } from './imageParts';
import { buildParts, imageId, pullBases, type ImageWork } from './imageSteps';
import { findImagePython, type ImagePython } from './pythonCheck';

/** Repository of the images that are built here. An image is ours where its tag is the key in its label. */
const REPOSITORY = 'velar/image';
const KEY_LABEL = 'velar.image';
const CONTENT_LABEL = 'velar.content';
/** Size of the base, which is not ours to count. */
const BASE_BYTES_LABEL = 'velar.base-bytes';
const TITLE_LABEL = 'velar.title';

export interface DockerImagesOptions {
  docker: Docker;
  /** Folder of the home for what the engine does not keep. */
  folder: string;
  /** For the Docker configuration and its credential helpers. */
  environment: Readonly<Record<string, string | undefined>>;
  /** Of containers that only look at an image. */
  labels: Readonly<Record<string, string>>;
  /** Version of this runtime's own Python, such as `3.11`. */
  pythonVersion: () => Promise<string>;
}

/** An image as it was asked for. */
export interface DockerImagePlan {
  /** Containers of one key are interchangeable. */
  readonly key: string;
  /** Variables that the layers set; a container gets them again at its start. */
  readonly environment: Readonly<Record<string, string>>;
  readonly parts: ImageParts | { problem: RunError };
}

/** An image that containers can be made of. */
export interface ReadyDockerImage {
  id: string;
  /** What to start the worker with. */
  python: ImagePython;
  /** False when this call waited for a build or a pull, its own or another's. */
  cached: boolean;
  /** True where what was waited for was a pull alone. */
  pulled: boolean;
}

type FoundImage = Pick<ReadyDockerImage, 'id' | 'python'>;

export class DockerImages {
  private readonly builds = new SharedBuilds<FoundImage>();
  private readonly memory: ImageMemory;
  /** Keys of plans whose image is known to be there. */
  private readonly ready = new Set<string>();
  /** Where a base was pulled only after planning: the plan's key of an image's key, and back. */
  private readonly planKeys = new Map<string, string>();
  private readonly imageKeys = new Map<string, string>();
  private platform: Promise<string> | undefined;

  constructor(private readonly options: DockerImagesOptions) {
    this.memory = new ImageMemory(options.folder);
  }

  /** Reads what the image names and asks the engine for its base; nothing is pulled or built. */
  async plan(image: ImageDescription, files: BundleFiles): Promise<DockerImagePlan> {
    const { docker, pythonVersion } = this.options;
    const version = needsVersion(image) ? await pythonVersion() : '';
    const platform = await this.enginePlatform();
    const parts = await readParts({ image, files, pythonVersion: version, platform });
    if ('problem' in parts) {
      return { key: imageKeyOf(JSON.stringify(image), []), environment: {}, parts };
    }
    const bases = await Promise.all(parts.references.map((each) => imageId(docker, each)));
    const key = bases.every((id) => id !== undefined)
      ? imageKeyOf(parts.contentKey, bases)
      : ((await this.builtOf(parts.contentKey)) ??
        imageKeyOf(
          parts.contentKey,
          bases.map((id) => id ?? null),
        ));
    const { environment } = parts.recipe;
    return { key: this.planKeys.get(key) ?? key, environment, parts };
  }

  /** True when the image is known to be there, without asking the engine. */
  isReady(plan: DockerImagePlan): boolean {
    return this.ready.has(plan.key);
  }

  /**
   * Pulls and builds the image, or joins who does. Throws ImageBuildError, `cancelled`, and what the client
   * throws where the engine can't be reached.
   */
  async ensure(
    plan: DockerImagePlan,
    listener: BuildListener,
    signal: AbortSignal,
  ): Promise<ReadyDockerImage> {
    if (signal.aborted) throw new VelarError('cancelled', 'Cancelled.');
    const { parts, key } = plan;
    if ('problem' in parts) throw new ImageBuildError(parts.problem);
    let there = false;
    if (!this.builds.has(parts.contentKey)) {
      const id = await this.find(key, parts);
      there = id !== undefined;
      const python = id === undefined ? undefined : await this.memory.python(id);
      if (id !== undefined && python !== undefined) {
        await this.used(key);
        return { id, python, cached: true, pulled: false };
      }
    }
    const built = await this.builds.join(
      parts.contentKey,
      (all, gone) => this.make(key, parts, all, gone),
      listener,
      signal,
    );
    await this.used(key);
    return { ...built, cached: there, pulled: !there && !parts.needsBuild };
  }

  /** Images that were built here or by another runtime on this engine, least recently used first. */
  async stored(): Promise<StoredImage[]> {
    const { docker } = this.options;
    const [images, containers] = await Promise.all([
      docker.listImages({ filters: { label: [KEY_LABEL] } }),
      docker.listContainers({ all: true }),
    ]);
    const used = new Set(containers.map((container) => container.ImageID));
    const stored: StoredImage[] = [];
    for (const image of images) {
      const key = image.Labels[KEY_LABEL];
      // An image that somebody made FROM ours has its labels, and not its tag.
      if (key === undefined || !(image.RepoTags ?? []).includes(`${REPOSITORY}:${key}`)) continue;
      stored.push({
        key,
        label: image.Labels[TITLE_LABEL] ?? key,
        bytes: Math.max(0, image.Size - Number(image.Labels[BASE_BYTES_LABEL] ?? 0)),
        lastUsedAt: (await this.memory.lastUsedAt(key)) ?? image.Created * 1000,
        inUse: used.has(image.Id),
      });
    }
    return stored.sort((a, b) => a.lastUsedAt - b.lastUsedAt);
  }

  /** Removes one of `stored`. Throws `not-found`, `conflict` while a container has it. */
  async remove(key: string): Promise<void> {
    const { docker } = this.options;
    const found = (await this.stored()).find((image) => image.key === key);
    if (found === undefined) throw new VelarError('not-found', `There is no image ${key}.`);
    const conflict = new VelarError('conflict', `Image ${found.label} is in use.`, {
      hint: 'Stop its containers first.',
    });
    if (found.inUse) throw conflict;
    const tag = `${REPOSITORY}:${key}`;
    const id = await imageId(docker, tag);
    try {
      // By its tag: where somebody gave it another name as well, that one stays.
      await docker.getImage(tag).remove();
    } catch (error) {
      const { statusCode } = error as { statusCode?: unknown };
      if (statusCode === 409) throw conflict;
      if (statusCode !== 404) throw error;
    }
    this.ready.delete(this.planKeys.get(key) ?? key);
    await this.memory.forget(key, id ?? '');
  }

  /** Ends every pull and build. */
  async dispose(): Promise<void> {
    await this.builds.dispose();
  }

  private async used(key: string): Promise<void> {
    this.ready.add(key);
    await this.memory.use(this.imageKeys.get(key) ?? key);
  }

  /** Id of the image where the engine has it. */
  private async find(key: string, parts: ImageParts): Promise<string | undefined> {
    const { docker } = this.options;
    const imageKey = this.imageKeys.get(key) ?? key;
    if (parts.needsBuild) return imageId(docker, `${REPOSITORY}:${imageKey}`);
    const id = await imageId(docker, parts.references[0] ?? '');
    return id !== undefined && imageKeyOf(parts.contentKey, [id]) === imageKey ? id : undefined;
  }

  private async make(
    planKey: string,
    parts: ImageParts,
    listener: BuildListener,
    signal: AbortSignal,
  ): Promise<FoundImage> {
    const { docker, environment } = this.options;
    const work: ImageWork = { docker, parts, environment, listener, signal };
    // Looked for again: who was here before may have built it.
    let id = parts.needsBuild ? await this.find(planKey, parts) : undefined;
    if (id === undefined) {
      const bases = await pullBases(work);
      const imageKey = imageKeyOf(parts.contentKey, bases);
      if (imageKey !== planKey) {
        this.planKeys.set(imageKey, planKey);
        this.imageKeys.set(planKey, imageKey);
      }
      const labels = {
        [KEY_LABEL]: imageKey,
        [CONTENT_LABEL]: parts.contentKey,
        [TITLE_LABEL]: parts.label,
        [BASE_BYTES_LABEL]: String(await this.baseBytes(parts, bases)),
        'velar.base': parts.references.map((each, index) => `${each}=${bases[index]}`).join(' '),
        'velar.created-by': 'velar',
      };
      const name = { tag: `${REPOSITORY}:${imageKey}`, labels };
      id = parts.needsBuild ? await buildParts(work, bases[0], name) : bases[0];
    }
    if (id === undefined) throw new Error('An image without a base.');
    return { id, python: await this.pythonOf(id, work) };
  }

  /** A Dockerfile of the workspace may keep any part of what it stands on: all of it is counted. */
  private async baseBytes(parts: ImageParts, [base]: readonly string[]): Promise<number> {
    if (parts.workspaceBuild !== undefined || base === undefined) return 0;
    return (await this.options.docker.getImage(base).inspect()).Size;
  }

  private async pythonOf(id: string, work: ImageWork): Promise<ImagePython> {
    const known = await this.memory.python(id);
    if (known !== undefined) return known;
    const { parts, listener, signal } = work;
    listener.progress('looking for Python in the image', 'check');
    const found = await findImagePython(work.docker, id, this.options.labels, signal);
    if (!('problem' in found)) {
      await this.memory.rememberPython(id, found);
      return found;
    }
    const { Architecture: architecture } = await work.docker.getImage(id).inspect();
    const own = (await this.enginePlatform()).split('/')[1];
    const name = parts.workspaceBuild?.path ?? parts.references[0] ?? id;
    const other = architecture !== own;
    throw new ImageBuildError({
      kind: 'image',
      type: other ? 'ImageArchitecture' : 'ImageWithoutPython',
      message: other
        ? `${name} is made for ${architecture}, and this machine is ${own}: its programs do not start here.`
        : `${name} has no Python 3.8 or newer: ${found.problem}.`,
      traceback: placeTraceback(parts.image.base),
      hint: other
        ? 'Choose an image that is built for this architecture.'
        : 'Install one first (on Debian: `.apt_install("python3", "python3-pip")`), or choose a base with Python.',
    });
  }

  /** Key of the newest image of that content: its base may have been removed, and it is still good. */
  private async builtOf(contentKey: string): Promise<string | undefined> {
    const images = await this.options.docker.listImages({
      filters: { label: [`${CONTENT_LABEL}=${contentKey}`], reference: [`${REPOSITORY}:*`] },
    });
    const [newest] = images.sort((a, b) => b.Created - a.Created);
    return newest?.Labels[KEY_LABEL];
  }

  private enginePlatform(): Promise<string> {
    if (this.platform === undefined) {
      const asked = this.options.docker.version().then(({ Os, Arch }) => `${Os}/${Arch}`);
      this.platform = asked;
      asked.catch(() => {
        if (this.platform === asked) this.platform = undefined;
      });
    }
    return this.platform;
  }
}

function needsVersion({ base }: ImageDescription): boolean {
  return base.kind === 'debian_slim' && base.pythonVersion === null;
}
