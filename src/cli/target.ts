/** TARGET: `path/file.py::qualname`, `path/file.py` or `module:app`, to one function of one file. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, join, parse, relative, resolve, sep } from 'node:path';
import { VelarError } from '../../runtime/protocol/errors';
import { WorkspaceDiscovery } from '../client/discover';
import { PythonDocument } from '../discovery/parse';
import type { DiscoveredFunction } from '../discovery/model';
import { nearMatches } from './nearMatches';

export interface ParsedTarget {
  /** As written: a path, or a dotted module where `app` is given. */
  source: string;
  qualname?: string;
  /** The variable that holds the app. */
  app?: string;
}

export interface Target {
  /** Absolute folder that the bundle starts from; files in tracebacks are relative to it. */
  root: string;
  /** Relative to root, with `/`. */
  file: string;
  found: DiscoveredFunction;
}

const FORMS = 'Write path/file.py::function, path/file.py or module:app.';

/** Throws `invalid` for text of no known form. */
export function parseTarget(text: string): ParsedTarget {
  const named = /^(.+?)::(.+)$/.exec(text);
  if (named?.[1] !== undefined && named[2] !== undefined) {
    return { source: named[1], qualname: named[2] };
  }
  if (/\.pyi?$/.test(text)) return { source: text };
  const module = /^([A-Za-z_][\w.]*):([A-Za-z_]\w*)$/.exec(text);
  if (module?.[1] !== undefined && module[2] !== undefined) {
    return { source: module[1], app: module[2] };
  }
  throw new VelarError('invalid', `${JSON.stringify(text)} is no target.`, { hint: FORMS });
}

/** The file that a target names, and its app where it names one. Throws `not-found`, `invalid`. */
export function resolveApp(
  text: string,
  cwd: string,
): { root: string; file: string; app: string | undefined } {
  const { root, file, functions, parsed } = readTarget(text, cwd);
  const [first] = functions;
  return { root, file, app: parsed.app === undefined ? undefined : first?.app };
}

/** Finds the function a target means. Throws `not-found` with what may have been meant, `invalid`. */
export function resolveTarget(text: string, cwd: string): Target {
  const { parsed, root, file, functions } = readTarget(text, cwd);
  const found =
    parsed.qualname === undefined
      ? entrypointOf(functions, file)
      : functionNamed(functions, parsed.qualname, file);
  return { root, file, found };
}

function readTarget(
  text: string,
  cwd: string,
): { parsed: ParsedTarget; root: string; file: string; functions: DiscoveredFunction[] } {
  const parsed = parseTarget(text);
  const path = parsed.app === undefined ? sourceFile(parsed.source, cwd) : moduleFile(parsed, cwd);
  const root = bundleRoot(path, cwd);
  const file = relative(root, path).split(sep).join('/');
  const { resolve: modules } = new WorkspaceDiscovery([root]);
  const document = new PythonDocument(readFileSync(path, 'utf8'), { file: path, resolve: modules });
  const functions = functionsOf(document, parsed.app, file);
  if (functions.length === 0) {
    throw new VelarError('not-found', `${file} declares no function for a GPU.`, {
      hint: 'Decorate one with @app.function(), where app is velar.App("name").',
    });
  }
  return { parsed, root, file, functions };
}

function sourceFile(source: string, cwd: string): string {
  const path = resolve(cwd, source);
  if (existsSync(path)) return path;
  const folder = dirname(path);
  const beside = existsSync(folder) ? readdirSync(folder).filter((n) => n.endsWith('.py')) : [];
  throw new VelarError('not-found', `There is no file ${source}.`, {
    hint: meant(nearMatches(basename(path), beside)) ?? FORMS,
  });
}

function moduleFile({ source }: ParsedTarget, cwd: string): string {
  const base = join(cwd, ...source.split('.'));
  const path = [`${base}.py`, join(base, '__init__.py')].find((candidate) => existsSync(candidate));
  if (path !== undefined) return path;
  throw new VelarError('not-found', `There is no module ${source} in ${cwd}.`, {
    hint: 'Run the command from the folder that imports start from, or give the path of the file.',
  });
}

/**
 * Where bundles of a file start: the current folder when the file lies in it, else the nearest folder
 * above the file with `.git`, `pyproject.toml` or `setup.py`, else the file's own.
 */
export function bundleRoot(path: string, cwd: string): string {
  // A home folder, a whole disk or what others leave lying about is never meant: all of it would go.
  const tooWide = [homedir(), tmpdir(), parse(cwd).root].includes(cwd);
  if (!tooWide && path.startsWith(cwd + sep)) return cwd;
  const own = dirname(path);
  for (let folder = own; folder !== dirname(folder); folder = dirname(folder)) {
    if (folder === homedir()) break;
    const marked = ['.git', 'pyproject.toml', 'setup.py'].some((name) =>
      existsSync(join(folder, name)),
    );
    if (marked) return folder;
  }
  return own;
}

function functionsOf(
  document: PythonDocument,
  variable: string | undefined,
  file: string,
): DiscoveredFunction[] {
  const functions = [...document.functions()];
  if (variable === undefined) return functions;
  const apps = new Map(
    [...document.exports().names].flatMap(([name, values]) =>
      values.flatMap((value) => (value.kind === 'app' ? [[name, value.name] as const] : [])),
    ),
  );
  if (!apps.has(variable)) {
    throw new VelarError('not-found', `${file} has no app called ${variable}.`, {
      hint: apps.size === 0 ? 'It makes no velar.App.' : `It has: ${[...apps.keys()].join(', ')}.`,
    });
  }
  const name = apps.get(variable);
  return functions.filter((found) => found.app === name);
}

function functionNamed(
  functions: readonly DiscoveredFunction[],
  qualname: string,
  file: string,
): DiscoveredFunction {
  const found = functions.find((one) => one.qualname === qualname);
  const names = functions.filter(({ kind }) => kind !== 'cls').map((one) => one.qualname);
  if (found === undefined) {
    const near = meant(nearMatches(qualname, names));
    throw new VelarError('not-found', `${file} has no function ${qualname} that Velar can run.`, {
      hint: near ?? `It has: ${names.join(', ')}.`,
    });
  }
  if (found.kind !== 'cls') return found;
  const methods = names.filter((name) => name.startsWith(`${qualname}.`));
  throw new VelarError('invalid', `${qualname} is a class; what runs is one of its methods.`, {
    hint:
      methods.length === 0
        ? 'Decorate a method with @velar.method().'
        : `Name one: ${methods.map((name) => `${file}::${name}`).join(', ')}.`,
  });
}

/** What a whole app runs: its local entrypoint, or its only function. */
function entrypointOf(functions: readonly DiscoveredFunction[], file: string): DiscoveredFunction {
  const runnable = functions.filter(({ kind }) => kind !== 'cls');
  const entrypoints = runnable.filter(({ kind }) => kind === 'local_entrypoint');
  const [only, ...others] = entrypoints.length > 0 ? entrypoints : runnable;
  if (only !== undefined && others.length === 0) return only;
  const names = (entrypoints.length > 0 ? entrypoints : runnable).map(
    ({ qualname }) => `${file}::${qualname}`,
  );
  throw new VelarError(
    'invalid',
    entrypoints.length > 0
      ? `${file} has ${String(entrypoints.length)} local entrypoints.`
      : `${file} has no local entrypoint.`,
    { hint: `Name what to run: ${names.join(', ')}.` },
  );
}

function meant(names: readonly string[]): string | undefined {
  return names.length === 0 ? undefined : `Did you mean ${names.join(' or ')}?`;
}
