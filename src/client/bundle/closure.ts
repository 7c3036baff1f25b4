/** Everything that a file imports, and what of it is not there. */
import type { ModuleImport } from '../../discovery/model';
import { importRoots, resolveImport } from './resolveModule';
import type { SourceTree } from './sourceTree';

/** An import, where it stands. */
export interface ImportPlace {
  readonly file: string;
  /** As written, with the leading dots of a relative import. */
  readonly module: string;
  readonly line: number;
  readonly column: number;
  /** Offsets of the module's name in the file's text. */
  readonly from: number;
  readonly to: number;
  readonly lazy: boolean;
}

export interface MissingImport extends ImportPlace {
  /** File that would satisfy it. */
  readonly expected: string;
}

export interface ExternalImport extends ImportPlace {
  /** First part of the module's name: what an installed package would provide. */
  readonly topLevel: string;
  /** The module copes with its absence. */
  readonly optional: boolean;
}

export interface ImportClosure {
  /** Files of the tree, the entry first, each once. */
  readonly files: readonly string[];
  /** Imports that will fail: modules of the workspace that aren't there. Optional ones are left out. */
  readonly missing: readonly MissingImport[];
  /** Imports of neither the workspace nor the standard library. */
  readonly external: readonly ExternalImport[];
}

/** The SDK is there wherever a function runs. */
const sdkModule = 'velar';

/** Follows imports from one file. `importsOf` reads a Python file; undefined when it can't. */
export function importClosure(
  tree: SourceTree,
  entry: string,
  importsOf: (file: string) => readonly ModuleImport[] | undefined,
): ImportClosure {
  const roots = importRoots(tree, entry);
  const files = new Set([entry]);
  const missing: MissingImport[] = [];
  const external: ExternalImport[] = [];
  for (const file of files) {
    if (!file.endsWith('.py')) continue;
    for (const found of importsOf(file) ?? []) {
      const place = placeOf(file, found);
      const resolution = resolveImport(tree, roots, file, found);
      if (resolution.kind === 'found') {
        for (const needed of resolution.files) files.add(needed);
      } else if (resolution.kind === 'missing') {
        if (!found.optional) missing.push({ ...place, expected: resolution.path });
      } else if (resolution.kind === 'external') {
        const topLevel = found.module.split('.', 1)[0] ?? found.module;
        if (topLevel !== sdkModule) {
          external.push({ ...place, topLevel, optional: found.optional });
        }
      }
    }
  }
  return { files: [...files], missing, external };
}

function placeOf(file: string, found: ModuleImport): ImportPlace {
  return {
    file,
    module: '.'.repeat(found.level) + found.module,
    line: found.line,
    column: found.column,
    from: found.from,
    to: found.to,
    lazy: found.lazy,
  };
}
