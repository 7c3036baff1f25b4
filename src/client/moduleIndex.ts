/** What the workspace's modules export, for apps that one file imports from another. */
import { isAbsolute, join, relative } from 'node:path';
import { isNodeError } from '../../runtime/protocol/errors';
import { PythonDocument } from '../discovery/parse';
import type { ModuleExports, ModuleRequest, ModuleResolver } from '../discovery/values';
import { importRoots, resolveImport } from './bundle/resolveModule';
import { DiskFolders, DiskTree } from './bundle/sourceTree';
import { toPosix } from './bundle/walk';

/** Reads a Python file's text; undefined when there is none to be had. */
export type ReadText = (absolute: string) => string | undefined;

export class ModuleIndex {
  private readonly folders = new DiskFolders();
  private trees = new Map<string, DiskTree>();
  private exports = new Map<string, ModuleExports | undefined>();
  private answers = new Map<string, string | undefined>();
  private uses = new Map<string, Set<string>>();

  /** `roots`: absolute folders of the workspace. */
  constructor(
    private readonly roots: readonly string[],
    private readonly read: ReadText,
  ) {}

  /** For `PythonDocument`; `fromFile` of its requests is an absolute path. */
  readonly resolve: ModuleResolver = (request) => {
    const file = this.find(request);
    return file === undefined ? undefined : this.exportsOf(file);
  };

  /** The file that a request leads to, if it is one of the workspace. */
  find(request: ModuleRequest): string | undefined {
    const key = `${request.fromFile}\0${'.'.repeat(request.level)}${request.module}`;
    if (!this.answers.has(key)) this.answers.set(key, this.look(request));
    return this.answers.get(key);
  }

  /** Forgets everything: call it when files came, went or changed. */
  refresh(): void {
    this.trees = new Map();
    this.exports = new Map();
    this.answers = new Map();
    this.uses = new Map();
  }

  /** Modules that a module looked into, and those that these did. */
  usedBy(file: string): ReadonlySet<string> {
    const used = new Set([file]);
    for (const module of used) {
      for (const next of this.uses.get(module) ?? []) used.add(next);
    }
    used.delete(file);
    return used;
  }

  private look({ module, level, fromFile }: ModuleRequest): string | undefined {
    const root = this.roots.find((candidate) => isInside(candidate, fromFile));
    if (root === undefined) return undefined;
    const tree = this.trees.get(root) ?? new DiskTree(root, this.folders);
    this.trees.set(root, tree);
    const from = toPosix(relative(root, fromFile));
    const request = { module, level, names: [] };
    const resolution = resolveImport(tree, importRoots(tree, from), from, request);
    const file = resolution.kind === 'found' ? resolution.files.at(-1) : undefined;
    return file?.endsWith('.py') === true ? join(root, file) : undefined;
  }

  private noteUse(file: string, used: string | undefined): void {
    if (used === undefined) return;
    const known = this.uses.get(file) ?? new Set();
    this.uses.set(file, known.add(used));
  }

  private exportsOf(file: string): ModuleExports | undefined {
    if (!this.exports.has(file)) {
      // A module that leads back to itself sees nothing of itself, as in Python.
      this.exports.set(file, undefined);
      const text = this.read(file);
      if (text !== undefined) {
        const resolve: ModuleResolver = (request) => {
          this.noteUse(file, this.find(request));
          return this.resolve(request);
        };
        this.exports.set(file, new PythonDocument(text, { file, resolve }).exports());
      }
    }
    return this.exports.get(file);
  }
}

/** True when an absolute path lies in a folder. */
export function isInside(folder: string, path: string): boolean {
  const within = relative(folder, path);
  return within !== '' && !isAbsolute(within) && within.split(/[\\/]/)[0] !== '..';
}

/** Undefined instead of the file system's error. */
export function ifReadable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isNodeError(error)) return undefined;
    throw error;
  }
}
