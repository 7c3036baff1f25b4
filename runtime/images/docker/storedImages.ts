/** Images on a Docker engine's disk: ours, those of other runtimes, those that were pulled; and their removal. */
import type Docker from 'dockerode';
import type { StoredImage } from '../../engines/engine';
import { VelarError } from '../../protocol/errors';
import type { ImageMemory } from './imageMemory';
import { basesIn, claimants, claimOf, IMAGE_LABEL, isForeign, keysIn, tagOf } from './imageNames';
import { findImage } from './imageSteps';

export interface StoredImagesOptions {
  docker: Docker;
  memory: ImageMemory;
  /** Id of the runtime. */
  runtime: string;
}

/** An image as the engine lists it. */
interface Listed extends StoredImage {
  id: string;
  /** Other runtimes that use it. */
  claimedBy: readonly string[];
}

export class StoredImages {
  constructor(private readonly options: StoredImagesOptions) {}

  /** Least recently used first. */
  async list(): Promise<StoredImage[]> {
    const listed = await this.read();
    return listed.map(({ id: _id, claimedBy: _claimedBy, ...image }) => image);
  }

  /**
   * Removes one of `list`; where another runtime uses it as well, only this one's claim. Bytes that are free now.
   * Throws `not-found`, `conflict` while a container has it, something stands on it, or it is another runtime's.
   */
  async remove(key: string): Promise<number> {
    const { docker, memory, runtime } = this.options;
    const found = (await this.read()).find((image) => image.key === key);
    if (found === undefined) throw new VelarError('not-found', `There is no image ${key}.`);
    checkRemoval(found);
    if (found.owner === 'pulled') {
      await this.untag(key, found);
      await memory.forgetPulled(key);
    } else {
      await this.untag(claimOf(key, runtime), found);
      if (found.claimedBy.length === 0) {
        try {
          await this.untag(tagOf(key), found);
        } catch (error) {
          // Whoever took it into use may be this runtime.
          await this.claim(key);
          throw error;
        }
      }
      await memory.forget(key, found.id);
    }
    return (await findImage(docker, found.id)) !== undefined ? 0 : found.bytes;
  }

  /** Says that this runtime uses the image that the engine has under the key. */
  async claim(key: string): Promise<void> {
    await this.name(tagOf(key), claimOf(key, this.options.runtime));
  }

  /** Gives an image the name of its key. */
  async keep(id: string, key: string): Promise<void> {
    await this.name(id, tagOf(key));
  }

  /** Removes what failed builds have left more than so long ago; bytes that are free now. */
  async removeLeftovers(olderThanMs: number): Promise<number> {
    const until = String((Date.now() - olderThanMs) / 1000);
    const { SpaceReclaimed } = await this.options.docker.pruneImages({
      filters: { dangling: ['true'], label: [`${IMAGE_LABEL.unfinished}=1`], until: [until] },
    });
    return SpaceReclaimed;
  }

  private async read(): Promise<Listed[]> {
    const { docker, memory, runtime } = this.options;
    const [images, containers, pulled] = await Promise.all([
      docker.listImages(),
      docker.listContainers({ all: true }),
      memory.pulled(),
    ]);
    const used = new Set(containers.map((container) => container.ImageID));
    const listed: Listed[] = [];
    for (const image of images) {
      const tags = image.RepoTags ?? [];
      for (const key of keysIn(tags)) {
        const claims = claimants(key, tags);
        listed.push({
          key,
          owner: claims.includes(runtime) ? 'ours' : 'others',
          ...contentOf(image, key, tags.filter(isForeign)),
          lastUsedAt: (await memory.lastUsedAt(key)) ?? image.Created * 1000,
          inUse: used.has(image.Id),
          id: image.Id,
          claimedBy: claims.filter((each) => each !== runtime),
        });
      }
    }
    const stoodOn = new Set(images.flatMap(({ Labels }) => basesIn(Labels?.[IMAGE_LABEL.base])));
    for (const { reference, id, lastUsedAt } of pulled) {
      const image = images.find(({ Id }) => Id === id);
      // Somebody removed it, or pulled a newer one by that name.
      if (image === undefined || (await findImage(docker, reference))?.id !== id) {
        await memory.forgetPulled(reference);
        continue;
      }
      listed.push({
        key: reference,
        owner: 'pulled',
        label: `pulled for images of ours: ${reference}`,
        bytes: image.Size,
        lastUsedAt,
        inUse: used.has(id) || stoodOn.has(id) || keysIn(image.RepoTags ?? []).length > 0,
        id,
        claimedBy: [],
      });
    }
    return listed.sort((a, b) => a.lastUsedAt - b.lastUsedAt);
  }

  private async name(image: string, name: string): Promise<void> {
    const at = name.lastIndexOf(':');
    const [repo, tag] = [name.slice(0, at), name.slice(at + 1)];
    await this.options.docker.getImage(image).tag({ repo, tag });
  }

  /** By its tag: where somebody gave it another name as well, that one stays. */
  private async untag(tag: string, image: StoredImage): Promise<void> {
    try {
      await this.options.docker.getImage(tag).remove();
    } catch (error) {
      const { statusCode } = error as { statusCode?: unknown };
      if (statusCode === 409) throw inUse(image);
      if (statusCode !== 404) throw error;
    }
  }
}

/** An image that was built says what is in it; one of a registry is counted where nobody else has a name for it. */
function contentOf(
  { Labels: labels, Size: size }: Pick<Docker.ImageInfo, 'Labels' | 'Size'>,
  key: string,
  foreign: readonly string[],
): Pick<StoredImage, 'label' | 'bytes'> {
  if (labels?.[IMAGE_LABEL.key] !== key) {
    const name = foreign.length === 0 ? 'an image of a registry' : foreign.join(', ');
    return { label: `${name}, as it was deployed`, bytes: foreign.length === 0 ? size : 0 };
  }
  const base = Number(labels[IMAGE_LABEL.baseBytes] ?? 0);
  return { label: labels[IMAGE_LABEL.title] ?? key, bytes: Math.max(0, size - base) };
}

function checkRemoval(image: Listed): void {
  if (image.owner === 'others') {
    const names = [tagOf(image.key), ...image.claimedBy.map((by) => claimOf(image.key, by))];
    throw new VelarError('conflict', `Image ${image.label} is another runtime's.`, {
      hint: `If nobody needs it any more, \`docker rmi ${names.join(' ')}\` removes it.`,
    });
  }
  if (image.inUse) throw inUse(image);
}

function inUse({ label, owner }: StoredImage): VelarError {
  return new VelarError('conflict', `Image ${label} is in use.`, {
    hint:
      owner === 'pulled'
        ? 'Remove the images that stand on it, and stop their containers, first.'
        : 'Stop its containers first.',
  });
}
