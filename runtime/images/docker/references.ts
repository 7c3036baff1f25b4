/** Names of images in registries. Pure. */

/** Where names without a registry come from. */
export const DOCKER_HUB = 'docker.io';

/** Host of the registry that an image is pulled from, with its port where it names one. */
export function registryOf(reference: string): string {
  const [first = '', ...rest] = reference.split('/');
  const named = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  return named ? first : DOCKER_HUB;
}

/** True for what can name an image: `repository`, `repository:tag`, `repository@sha256:…`, with a registry or not. */
export function isReference(text: string): boolean {
  const path = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
  const host = '[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?';
  const tag = '(?::[\\w][\\w.-]{0,127})?';
  const digest = '(?:@[A-Za-z][A-Za-z0-9+._-]*:[0-9a-fA-F]{32,})?';
  return new RegExp(`^(?:${host}/)?${path}(?:/${path})*${tag}${digest}$`).test(text);
}
