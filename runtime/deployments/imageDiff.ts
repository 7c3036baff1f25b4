/** What changes from one image to another: packages by name, then steps. Pure. */
import type { ImageBase, ImageDescription, ImageLayer } from '../protocol/description';
import { changed, listChanges, namedChanges } from './optionDiff';

/** Each change, a phrase; of variables names only. */
export function imageChanges(was: ImageDescription, is: ImageDescription): string[] {
  const told = [
    ...changed('image base', baseText(was.base), baseText(is.base)),
    ...packageChanges('package', packagesOf(was, 'pip'), packagesOf(is, 'pip')),
    ...packageChanges('system package', packagesOf(was, 'apt'), packagesOf(is, 'apt')),
    ...namedChanges('image variable', variablesOf(was), variablesOf(is)),
    ...listChanges('image step', stepsOf(was), stepsOf(is)),
  ];
  if (told.length > 0) return told;
  const order = orderOf(was) !== orderOf(is);
  return [order ? 'image steps in another order' : 'image changes by the files it takes'];
}

/** `torch==2.1` by its name: `+ package torch 2.1`, `package torch 2.0 → 2.1`. */
function packageChanges(
  what: string,
  before: readonly string[],
  after: readonly string[],
): string[] {
  const [old, fresh] = [before, after].map(
    (all) => new Map(all.map((each) => [nameOf(each), each])),
  ) as [Map<string, string>, Map<string, string>];
  const names = [...new Set([...old.keys(), ...fresh.keys()])].sort();
  return names.flatMap((name) => {
    const [was, is] = [old.get(name), fresh.get(name)];
    if (was === undefined) return is === undefined ? [] : [`+ ${what} ${shown(is)}`];
    if (is === undefined) return [`− ${what} ${shown(was)}`];
    return changed(`${what} ${name}`, wantedOf(was), wantedOf(is));
  });
}

/** The name of a requirement, as package indexes compare names. */
function nameOf(requirement: string): string {
  const name = /^\s*([A-Za-z0-9][\w.+-]*)/.exec(requirement)?.[1] ?? requirement;
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}

/** What of it is wanted: `2.1` for `==2.1`, else as written. */
function wantedOf(requirement: string): string {
  const rest = requirement.replace(/^\s*[A-Za-z0-9][\w.+-]*\s*/, '').trim();
  if (rest === '') return 'any version';
  return /^==\s*([^,;\s*]+)$/.exec(rest)?.[1] ?? rest.replace(/^=(?!=)/, '');
}

function shown(requirement: string): string {
  const wanted = wantedOf(requirement);
  const name = /^\s*([A-Za-z0-9][\w.+-]*)/.exec(requirement)?.[1] ?? requirement;
  return wanted === 'any version' ? requirement.trim() : `${name} ${wanted}`;
}

function packagesOf({ layers }: ImageDescription, kind: 'pip' | 'apt'): string[] {
  return layers.flatMap((layer) => (layer.kind === kind ? layer.packages : []));
}

function variablesOf({ layers }: ImageDescription): Record<string, string> {
  const all = layers.map((layer) => (layer.kind === 'env' ? layer.variables : {}));
  return Object.assign({}, ...all) as Record<string, string>;
}

function stepsOf({ layers }: ImageDescription): string[] {
  return layers.flatMap(stepText);
}

/** What is told elsewhere, package by package, is no step. */
function stepText(layer: ImageLayer): string[] {
  switch (layer.kind) {
    case 'run':
      return layer.commands.map((command) => `run ${command}`);
    case 'requirements':
      return [`packages of ${layer.path}`];
    case 'workdir':
      return [`workdir ${layer.path}`];
    case 'localFile':
    case 'localDir':
      return [`${layer.source} at ${layer.target}`];
    case 'pip':
    case 'apt':
    case 'env':
      return [];
  }
}

function baseText(base: ImageBase): string {
  switch (base.kind) {
    case 'debian_slim':
      return base.pythonVersion === null
        ? 'debian_slim'
        : `debian_slim, Python ${base.pythonVersion}`;
    case 'registry':
      return base.tag;
    case 'dockerfile':
      return base.path;
  }
}

/** Everything but the places where it was written. */
function orderOf({ layers }: ImageDescription): string {
  return JSON.stringify(layers.map(({ file: _file, line: _line, ...content }) => content));
}
