/** Names and labels of images in a Docker engine. Pure. */

const REPOSITORY = 'velar/image';

export const IMAGE_LABEL = {
  /** Key of the image; it is the one that the label says where its tag says the same. */
  key: 'velar.image',
  /** Key of all that is in it but the images it stands on. */
  content: 'velar.content',
  /** Size of the base, which is not ours to count. */
  baseBytes: 'velar.base-bytes',
  title: 'velar.title',
  /** Images that it stands on, `reference=id` each. */
  base: 'velar.base',
  /** Set from the first step of a build on, emptied in the last one. */
  unfinished: 'velar.unfinished',
} as const;

/** Any tag of ours. */
export const ANY_TAG = `${REPOSITORY}:*`;

/** The name that an image is found by. */
export function tagOf(key: string): string {
  return `${REPOSITORY}:${key}`;
}

/** The name by which a runtime says that it uses an image: an engine keeps what has a name. */
export function claimOf(key: string, runtime: string): string {
  return `${REPOSITORY}:${key}.${runtime}`;
}

/** Keys under which the engine has an image, by its tags. */
export function keysIn(tags: readonly string[]): string[] {
  return tags.flatMap((tag) => new RegExp(`^${REPOSITORY}:([0-9a-f]{32})$`).exec(tag)?.[1] ?? []);
}

/** Runtimes that use the image of a key, by its tags. */
export function claimants(key: string, tags: readonly string[]): string[] {
  const start = `${tagOf(key)}.`;
  return tags.flatMap((tag) => (tag.startsWith(start) ? [tag.slice(start.length)] : []));
}

/** True for a name that somebody else gave it. */
export function isForeign(tag: string): boolean {
  return !tag.startsWith(`${REPOSITORY}:`) && tag !== '<none>:<none>';
}

/** Ids in the label that says what an image stands on. */
export function basesIn(label: string | undefined): string[] {
  return (label ?? '').split(' ').flatMap((each) => {
    const id = each.slice(each.lastIndexOf('=') + 1);
    return id === '' ? [] : [id];
  });
}
