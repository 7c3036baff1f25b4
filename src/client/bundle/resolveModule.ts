/** Where Python would find a module, among the sources of one tree. Pure. */
import { isStandardModule } from './standardModules';
import type { SourceTree } from './sourceTree';

export interface ImportRequest {
  /** Dotted name; empty for `from . import x`. */
  readonly module: string;
  readonly level: number;
  /** Names after `import` of a `from` statement. */
  readonly names: readonly string[];
}

export type Resolution =
  /** `files` in the order in which Python would load them; empty for a namespace package alone. */
  | { readonly kind: 'found'; readonly files: readonly string[] }
  /** Certainly not there: relative, or below a package of the workspace. `path`: what would fit. */
  | { readonly kind: 'missing'; readonly path: string }
  /** Not of the workspace and not of Python: a package to install, or a slip. */
  | { readonly kind: 'external' }
  | { readonly kind: 'standard' };

interface Place {
  /** What the module is loaded from; undefined for a namespace package. */
  readonly file: string | undefined;
  /** Folder that holds its submodules; undefined for a plain module. */
  readonly folder: string | undefined;
}

/**
 * Finds what an import statement of `fromFile` loads. `roots` are the folders that absolute imports
 * start from, the first match wins.
 */
export function resolveImport(
  tree: SourceTree,
  roots: readonly string[],
  fromFile: string,
  request: ImportRequest,
): Resolution {
  const parts = request.module === '' ? [] : request.module.split('.');
  if (request.level > 0) return resolveRelative(tree, fromFile, parts, request);
  const top = parts[0] ?? '';
  let missing: Resolution | undefined;
  for (const root of roots) {
    const found = follow(tree, root, parts);
    if (found === undefined) continue;
    if (found.kind === 'missing') missing ??= found;
    else if (isUsable(tree, found.places, top, request.names)) {
      return withNames(tree, found.places, request.names);
    }
  }
  if (isStandardModule(top)) return { kind: 'standard' };
  return missing ?? { kind: 'external' };
}

/**
 * The folders that absolute imports start from when a file runs, first one first: that of its
 * outermost package, or its own as a script; then the root; then `src`.
 */
export function importRoots(tree: SourceTree, file: string): string[] {
  let folder = parentOf(file);
  while (folder !== '' && tree.entries(folder)?.get('__init__.py') === 'file') {
    folder = parentOf(folder);
  }
  const roots = [folder, ''];
  if (tree.entries('')?.get('src') === 'folder') roots.push('src');
  return [...new Set(roots)];
}

function resolveRelative(
  tree: SourceTree,
  fromFile: string,
  parts: readonly string[],
  request: ImportRequest,
): Resolution {
  const folders = fromFile.split('/').slice(0, -1);
  const target = request.level - 1;
  if (target > folders.length) return { kind: 'missing', path: `${'../'.repeat(target)}…` };
  const base = folders.slice(0, folders.length - target).join('/');
  const itself = placeIn(tree, parentOf(base), base.slice(base.lastIndexOf('/') + 1));
  const packagePlaces = base !== '' && itself !== undefined ? [itself] : [];
  if (parts.length === 0) {
    const own: Place = { file: undefined, folder: base };
    const places = packagePlaces.length > 0 ? packagePlaces : [own];
    const unknown = firstUnknown(tree, places, request.names);
    if (unknown !== undefined) return { kind: 'missing', path: joinPath(base, `${unknown}.py`) };
    return withNames(tree, places, request.names);
  }
  const found = follow(tree, base, parts);
  if (found === undefined)
    return { kind: 'missing', path: joinPath(base, `${parts.join('/')}.py`) };
  if (found.kind === 'missing') return found;
  return withNames(tree, [...packagePlaces, ...found.places], request.names);
}

/** A name that the package's folder lacks, where the package has no code that could define it. */
function firstUnknown(
  tree: SourceTree,
  places: readonly Place[],
  names: readonly string[],
): string | undefined {
  const last = places.at(-1);
  if (last?.folder === undefined || last.file !== undefined) return undefined;
  const { folder } = last;
  return names.find((name) => name !== '*' && placeIn(tree, folder, name) === undefined);
}

type Followed =
  | { readonly kind: 'places'; readonly places: readonly Place[] }
  | { readonly kind: 'missing'; readonly path: string };

/** Follows a dotted name. Undefined when its first part is not there. */
function follow(tree: SourceTree, root: string, parts: readonly string[]): Followed | undefined {
  const places: Place[] = [];
  let folder: string | undefined = root;
  for (const [index, part] of parts.entries()) {
    const place: Place | undefined = folder === undefined ? undefined : placeIn(tree, folder, part);
    if (place === undefined) {
      // Below a namespace package anything may come from an installed package of the same name.
      const certain = places.some((known) => known.file !== undefined);
      if (index === 0 || !certain) return undefined;
      return { kind: 'missing', path: joinPath(root, `${parts.slice(0, index + 1).join('/')}.py`) };
    }
    places.push(place);
    ({ folder } = place);
  }
  return { kind: 'places', places };
}

/** A folder without Python in it is no namespace package, and none hides a standard module. */
function isUsable(
  tree: SourceTree,
  places: readonly Place[],
  top: string,
  names: readonly string[],
): boolean {
  const last = places.at(-1);
  if (places.some((place) => place.file !== undefined)) return true;
  if (last?.folder === undefined || isStandardModule(top)) return false;
  const { folder } = last;
  const entries = [...(tree.entries(folder)?.keys() ?? [])];
  return names.length === 0
    ? entries.some((entry) => entry.endsWith('.py'))
    : names.every((name) => name === '*' || placeIn(tree, folder, name) !== undefined);
}

/** The files of places, and of the submodules among the imported names. */
function withNames(
  tree: SourceTree,
  places: readonly Place[],
  names: readonly string[],
): Resolution {
  const files = places.flatMap((place) => place.file ?? []);
  const folder = places.at(-1)?.folder;
  if (folder !== undefined) {
    files.push(...names.flatMap((name) => placeIn(tree, folder, name)?.file ?? []));
  }
  return { kind: 'found', files: [...new Set(files)] };
}

/** A package before a module of the same name, an extension module after both, as in Python. */
function placeIn(tree: SourceTree, folder: string, name: string): Place | undefined {
  const entries = tree.entries(folder);
  if (entries === undefined) return undefined;
  const inner = joinPath(folder, name);
  const isFolder = entries.get(name) === 'folder';
  if (isFolder && tree.entries(inner)?.get('__init__.py') === 'file') {
    return { file: `${inner}/__init__.py`, folder: inner };
  }
  if (entries.get(`${name}.py`) === 'file') return { file: `${inner}.py`, folder: undefined };
  for (const [entry, kind] of entries) {
    if (kind === 'file' && entry.startsWith(`${name}.`) && /\.(so|pyd)$/.test(entry)) {
      return { file: joinPath(folder, entry), folder: undefined };
    }
  }
  return isFolder ? { file: undefined, folder: inner } : undefined;
}

function parentOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}

function joinPath(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}
