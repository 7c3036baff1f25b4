/** The order in which layers are built: files that change often come late, where nothing can tell. Pure. */
import type { ImageLayer } from '../../protocol/description';

type FileLayer = Extract<ImageLayer, { kind: 'localFile' | 'localDir' }>;

export interface LayerFacts {
  /** Paths in the image that a layer of local files writes. */
  targets(layer: FileLayer): readonly string[];
  /** True for an install that names packages only. */
  installsPlainly(layer: ImageLayer): boolean;
  /** Values of the environment variables that the base sets. */
  baseEnvironment: readonly string[];
}

/**
 * Layers in the order of the chain, but local files moved behind the installs after them that can't depend on
 * them. Shell commands, installs that name paths, and files that installers may read keep their place.
 */
export function orderLayers(layers: readonly ImageLayer[], facts: LayerFacts): ImageLayer[] {
  const named = [
    ...facts.baseEnvironment,
    ...layers.flatMap((layer) => (layer.kind === 'env' ? Object.values(layer.variables) : [])),
  ].flatMap(pathsIn);
  const ordered: ImageLayer[] = [];
  /** Local files that wait for a layer which they must not pass. */
  let waiting: ImageLayer[] = [];
  for (const layer of layers) {
    if (isFileLayer(layer) && facts.targets(layer).every((path) => !mayBeRead(path, named))) {
      waiting.push(layer);
    } else if (passes(layer, facts)) {
      ordered.push(layer);
    } else {
      ordered.push(...waiting, layer);
      waiting = [];
    }
  }
  return [...ordered, ...waiting];
}

function isFileLayer(layer: ImageLayer): layer is FileLayer {
  return layer.kind === 'localFile' || layer.kind === 'localDir';
}

/** True for layers that work the same whether local files are there or not. */
function passes(layer: ImageLayer, facts: LayerFacts): boolean {
  switch (layer.kind) {
    case 'env':
    case 'workdir':
      return true;
    case 'pip':
    case 'requirements':
    case 'apt':
      return facts.installsPlainly(layer);
    case 'run':
    case 'localFile':
    case 'localDir':
      return false;
  }
}

/** Folders where programs, and the configuration of pip and apt, lie. */
const SYSTEM =
  /^\/(etc|usr|bin|sbin|lib[0-9a-z]*|boot|dev|proc|sys|run|var|opt|tmp)(\/|$)|^\/[^/]*$|^\/(root|home)\/(.*\/)?\./;

/** True where an installer could read the file: by its place, or because a variable names it. */
function mayBeRead(path: string, named: readonly string[]): boolean {
  if (!path.startsWith('/') || path.includes('/../') || SYSTEM.test(path)) return true;
  return named.some(
    (place) => path === place || path.startsWith(`${place}/`) || place.startsWith(`${path}/`),
  );
}

/** Absolute paths in a variable's value, such as those of PATH, `--find-links=/wheels` or `file:///wheels`. */
function pathsIn(value: string): string[] {
  const local = value.replace(/[a-z+]+:\/\/[^\s/][^\s]*/gi, '');
  return (local.match(/\/[^\s:;,'"=]+/g) ?? [])
    .map((path) => path.replace(/^\/+/, '/').replace(/\/+$/, ''))
    .filter((path) => path !== '');
}
