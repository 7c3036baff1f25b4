/** The images of a Docker engine: each planned without network, built once for all who wait, kept by its key. */
import type Docker from 'dockerode';
import type { BuildListener, BundleFiles, StoredImage } from '../../engines/engine';
import type { ImagePin } from '../../protocol/deployments';
import type { ImageDescription } from '../../protocol/description';
import { VelarError } from '../../protocol/errors';
import type { RunError } from '../../protocol/values';
import { ANOTHER_BUILD } from '../anotherBuild';
import { ImageBuildError, placeTraceback } from '../buildError';
import { SharedBuilds } from '../sharedBuilds';
import { ImageMemory } from './imageMemory';
import { ANY_TAG, claimants, IMAGE_LABEL, keysIn, tagOf } from './imageNames';
import { imageKeyOf, readParts, type ImageParts } from './imageParts';
import { buildParts, findImage, pullBases, type FoundImage, type ImageWork } from './imageSteps';
import { findImagePython, type ImagePython } from './pythonCheck';
import { StoredImages } from './storedImages';

export interface DockerImagesOptions {
  docker: Docker;
  /** Folder of the home for what the engine does not keep. */
  folder: string;
  /** For the Docker configuration and its credential helpers. */
  environment: Readonly<Record<string, string | undefined>>;
  /** Id of the runtime: what it uses it claims by that. */
  runtime: string;
  /** Of containers that only look at an image; and who these run as, `uid:gid`, as those of functions do. */
  labels: Readonly<Record<string, string>>;
  user: string;
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
  /** The build that was asked for. */
  readonly pin: ImagePin | undefined;
  /** It was there as this was planned: the key is its, whatever the image stands on by now. */
  readonly pinned: boolean;
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

type MadeImage = Pick<ReadyDockerImage, 'id' | 'python'>;

export class DockerImages {
  private readonly builds = new SharedBuilds<MadeImage>();
  private readonly memory: ImageMemory;
  private readonly images: StoredImages;
  /** Keys of plans whose image is known to be there. */
  private readonly ready = new Set<string>();
  /** Where a base was pulled only after planning: the plan's key of an image's key, and back. */
  private readonly planKeys = new Map<string, string>();
  private readonly imageKeys = new Map<string, string>();
  private platform: Promise<string> | undefined;

  constructor(private readonly options: DockerImagesOptions) {
    this.memory = new ImageMemory(options.folder);
    this.images = new StoredImages({ ...options, memory: this.memory });
  }

  /** Reads what the image names and asks the engine for its base, or its pin; nothing is pulled or built. */
  async plan(
    image: ImageDescription,
    files: BundleFiles,
    pin?: ImagePin,
  ): Promise<DockerImagePlan> {
    const { docker, pythonVersion } = this.options;
    const version = needsVersion(image) ? await pythonVersion() : '';
    const platform = await this.enginePlatform();
    const parts = await readParts({ image, files, pythonVersion: version, platform });
    if ('problem' in parts) {
      const key = imageKeyOf(JSON.stringify(image), []);
      return { key, environment: {}, parts, pin, pinned: false };
    }
    const { environment } = parts.recipe;
    if (pin !== undefined && (await this.has(pin))) {
      const key = this.planKeys.get(pin.key) ?? pin.key;
      return { key, environment, parts, pin, pinned: true };
    }
    const found = await Promise.all(parts.references.map((each) => findImage(docker, each)));
    const bases = found.map((each) => each?.id);
    const key = bases.every((id) => id !== undefined)
      ? imageKeyOf(parts.contentKey, bases)
      : ((await this.builtOf(parts.contentKey)) ??
        imageKeyOf(
          parts.contentKey,
          bases.map((id) => id ?? null),
        ));
    return { key: this.planKeys.get(key) ?? key, environment, parts, pin, pinned: false };
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
    const { parts, key, pin, pinned } = plan;
    if ('problem' in parts) throw new ImageBuildError(parts.problem);
    let there = false;
    // Of one content there may be several images: over another base, or built at another time.
    const build = pinned ? key : parts.contentKey;
    if (!this.builds.has(build)) {
      const found = await this.find(plan, parts);
      there = found !== undefined;
      if (pin !== undefined && found?.id !== pin.build) listener.output(ANOTHER_BUILD);
      const python = found === undefined ? undefined : await this.memory.python(found.id);
      if (found !== undefined && python !== undefined) {
        await this.used(plan, parts, found);
        return { id: found.id, python, cached: true, pulled: false };
      }
    }
    const built = await this.builds.join(
      build,
      (all, gone) => this.make(plan, parts, all, gone),
      listener,
      signal,
    );
    await this.used(plan, parts, await this.find(plan, parts));
    return { ...built, cached: there, pulled: !there && !parts.needsBuild };
  }

  /** The build that the image is, under a name of ours from now on; undefined where it is not there. */
  async pin(plan: DockerImagePlan): Promise<ImagePin | undefined> {
    if ('problem' in plan.parts) return undefined;
    const found = await this.find(plan, plan.parts);
    if (found === undefined) return undefined;
    const key = this.imageKeys.get(plan.key) ?? plan.key;
    if (!keysIn(found.tags).includes(key)) await this.images.keep(found.id, key);
    if (!claimants(key, found.tags).includes(this.options.runtime)) await this.images.claim(key);
    return { key, build: found.id };
  }

  /** Whether that very build is still there. */
  async has({ key, build }: ImagePin): Promise<boolean> {
    return (await findImage(this.options.docker, tagOf(key)))?.id === build;
  }

  /** Images that were built or pulled here, or built by other runtimes on this engine; least recently used first. */
  stored(): Promise<StoredImage[]> {
    return this.images.list();
  }

  /** Removes one of `stored`; bytes that are free now. Throws `not-found`, `conflict` while it is needed. */
  async remove(key: string): Promise<number> {
    const freed = await this.images.remove(key);
    this.ready.delete(this.planKeys.get(key) ?? key);
    return freed;
  }

  /** Removes what failed builds have left more than so long ago; bytes that are free now. */
  removeLeftovers(olderThanMs: number): Promise<number> {
    return this.images.removeLeftovers(olderThanMs);
  }

  /** Ends every pull and build. */
  async dispose(): Promise<void> {
    await this.builds.dispose();
  }

  private async used(
    { key }: DockerImagePlan,
    parts: ImageParts,
    found: FoundImage | undefined,
  ): Promise<void> {
    const imageKey = this.imageKeys.get(key) ?? key;
    const { tags } = found ?? { tags: [] };
    const claimed = claimants(imageKey, tags).includes(this.options.runtime);
    if (keysIn(tags).includes(imageKey) && !claimed) await this.images.claim(imageKey);
    this.ready.add(key);
    await this.memory.use(imageKey);
    await Promise.all(parts.references.map((each) => this.memory.usePulled(each)));
  }

  /** The image where the engine has it. */
  private async find(
    { key, pinned }: DockerImagePlan,
    parts: ImageParts,
  ): Promise<FoundImage | undefined> {
    const { docker } = this.options;
    const imageKey = this.imageKeys.get(key) ?? key;
    if (parts.needsBuild || pinned) {
      const kept = await findImage(docker, tagOf(imageKey));
      if (kept !== undefined || parts.needsBuild) return kept;
    }
    const found = await findImage(docker, parts.references[0] ?? '');
    const same = found !== undefined && imageKeyOf(parts.contentKey, [found.id]) === imageKey;
    return same ? found : undefined;
  }

  private async make(
    plan: DockerImagePlan,
    parts: ImageParts,
    listener: BuildListener,
    signal: AbortSignal,
  ): Promise<MadeImage> {
    const { docker, environment } = this.options;
    const work: ImageWork = { docker, parts, environment, listener, signal };
    // Looked for again: who was here before may have built it.
    const looked = parts.needsBuild || plan.pinned ? await this.find(plan, parts) : undefined;
    let id = looked?.id;
    if (id === undefined) {
      const bases = await pullBases(work, (...pulled) => this.memory.rememberPulled(...pulled));
      const imageKey = imageKeyOf(parts.contentKey, bases);
      if (imageKey !== plan.key) {
        this.planKeys.set(imageKey, plan.key);
        this.imageKeys.set(plan.key, imageKey);
      }
      const stoodOn = parts.references.map((each, index) => `${each}=${bases[index]}`);
      const labels = {
        [IMAGE_LABEL.key]: imageKey,
        [IMAGE_LABEL.content]: parts.contentKey,
        [IMAGE_LABEL.title]: parts.label,
        [IMAGE_LABEL.baseBytes]: String(await this.baseBytes(parts, bases)),
        [IMAGE_LABEL.base]: stoodOn.join(' '),
        [IMAGE_LABEL.unfinished]: '',
        'velar.created-by': 'velar',
      };
      const name = { tag: tagOf(imageKey), labels };
      id = parts.needsBuild ? await buildParts(work, bases[0], name) : bases[0];
      if (parts.needsBuild) await this.images.claim(imageKey);
    }
    if (id === undefined) throw new Error('An image without a base.');
    return { id, python: await this.pythonOf(id, work) };
  }

  /** A Dockerfile of the workspace may keep any part of what it stands on: all of it is counted. */
  private async baseBytes(parts: ImageParts, [base]: readonly string[]): Promise<number> {
    if (parts.workspaceBuild !== undefined || base === undefined) return 0;
    // As it is listed, with which it is compared: where containerd keeps images, it is told otherwise elsewhere.
    const images = await this.options.docker.listImages();
    return images.find(({ Id }) => Id === base)?.Size ?? 0;
  }

  private async pythonOf(id: string, work: ImageWork): Promise<ImagePython> {
    const known = await this.memory.python(id);
    if (known !== undefined) return known;
    const { parts, listener, signal } = work;
    listener.progress('looking for Python in the image', 'check');
    const found = await findImagePython(work.docker, id, this.options, signal);
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
      filters: { label: [`${IMAGE_LABEL.content}=${contentKey}`], reference: [ANY_TAG] },
    });
    const [newest] = images.sort((a, b) => b.Created - a.Created);
    return newest?.Labels[IMAGE_LABEL.key];
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
