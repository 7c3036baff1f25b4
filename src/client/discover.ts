/** The functions of a workspace: found by a scan of its files, then kept up to date file by file. */
import { statSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { VelarError } from '../../runtime/protocol/errors';
import { toContract } from '../discovery/model';
import type { ContractFunction, DiscoveredFunction } from '../discovery/model';
import { readFunctions } from '../discovery/parse';
import type { ModuleRequest, ModuleResolver } from '../discovery/values';
import { Pacer } from './bundle/pacer';
import { admits, fromPosix, toPosix, walk } from './bundle/walk';
import { ifReadable, isInside, ModuleIndex } from './moduleIndex';
import { SourceReader } from './sourceReader';

/** Larger Python files are data. */
const maximumSourceBytes = 4 << 20;

const sdkName = Buffer.from('velar');
const atSign = 64;
/** What a file says that uses an app of another module and never names the SDK. */
const decoratorNames = ['.function', '.cls', '.endpoint', '.local_entrypoint'].map((name) =>
  Buffer.from(name),
);

export interface ScanProgress {
  /** Python files looked at so far. */
  readonly files: number;
  /** Files with functions so far. */
  readonly hits: number;
}

export interface ScanOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: ScanProgress) => void;
}

interface KnownFile {
  readonly functions: readonly DiscoveredFunction[];
  /** Modules of the workspace that were looked into for them. */
  readonly uses: ReadonlySet<string>;
  /** Parts of the names of modules that were not found: one of them may come. */
  readonly misses: ReadonlySet<string>;
}

export class WorkspaceDiscovery {
  private known = new Map<string, KnownFile>();
  private readonly texts = new Map<string, string>();
  private readonly reader = new SourceReader();
  private readonly modules: ModuleIndex;

  /** `roots`: absolute folders of the workspace. */
  constructor(private readonly roots: readonly string[]) {
    this.modules = new ModuleIndex(roots, (file) => this.text(file));
  }

  /** Finds modules of the workspace, for documents that are parsed elsewhere. */
  get resolve(): ModuleResolver {
    return this.modules.resolve;
  }

  /**
   * Looks at every Python file that the ignore rules let through. What was known stays until the
   * scan is done. Throws `cancelled`, or the file system's error when a root can't be read.
   */
  async scan({ signal, onProgress }: ScanOptions): Promise<void> {
    this.modules.refresh();
    const found = new Map<string, KnownFile>();
    const pacer = new Pacer(signal);
    let files = 0;
    for (const root of this.roots) {
      const absolute = join(root, '/');
      const wanted = (name: string): boolean => name.endsWith('.py');
      for await (const batch of walk(root, { signal, wanted })) {
        for (const { path } of batch.files) {
          const file = absolute + fromPosix(path);
          const known = this.look(file);
          if (known !== undefined) found.set(file, known);
          files++;
          if (!pacer.due) continue;
          onProgress?.({ files, hits: found.size });
          await pacer.rest();
        }
      }
    }
    onProgress?.({ files, hits: found.size });
    this.known = found;
  }

  /** Functions of one file, ignored or not, read now. */
  read(file: string): readonly DiscoveredFunction[] {
    return this.look(file)?.functions ?? [];
  }

  /** Files with functions, in order of their paths. */
  files(): { file: string; functions: readonly DiscoveredFunction[] }[] {
    return [...this.known]
      .map(([file, { functions }]) => ({ file, functions }))
      .filter(({ functions }) => functions.length > 0)
      .sort((a, b) => (a.file < b.file ? -1 : 1));
  }

  /** The functions of one file. */
  functionsOf(file: string): readonly DiscoveredFunction[] {
    return this.known.get(file)?.functions ?? [];
  }

  /**
   * Looks again at files and folders that came, changed or went, and at what depends on them.
   * Absolute paths. Returns the files whose functions may have changed. A folder that came needs `scan`.
   */
  update(paths: readonly string[]): string[] {
    this.modules.refresh();
    const affected = new Set(paths.filter((path) => path.endsWith('.py')));
    for (const [file, known] of this.known) {
      if (paths.some((path) => dependsOn(file, known, path))) affected.add(file);
    }
    for (const file of affected) {
      const known = this.isWanted(file) ? this.look(file) : undefined;
      if (known === undefined) this.known.delete(file);
      else this.known.set(file, known);
    }
    return [...affected];
  }

  /** Puts a document's unsaved text in the place of its file, or the file back with `undefined`. */
  setText(file: string, text: string | undefined): string[] {
    if (text === undefined) this.texts.delete(file);
    else this.texts.set(file, text);
    return this.update([file]);
  }

  private isWanted(file: string): boolean {
    const root = this.roots.find((candidate) => isInside(candidate, file));
    if (root === undefined) return false;
    return this.texts.has(file) || admits(root, toPosix(relative(root, file)));
  }

  private look(file: string): KnownFile | undefined {
    const text = this.textIfInteresting(file);
    if (text === undefined) return undefined;
    const uses = new Set<string>();
    const misses = new Set<string>();
    const resolve = (request: ModuleRequest): ReturnType<ModuleResolver> => {
      const used = this.modules.find(request);
      if (used === undefined) for (const part of request.module.split('.')) misses.add(part);
      else uses.add(used);
      return this.modules.resolve(request);
    };
    const functions = readFunctions(text, { file, resolve });
    for (const used of [...uses]) {
      for (const next of this.modules.usedBy(used)) uses.add(next);
    }
    return { functions, uses, misses };
  }

  private textIfInteresting(file: string): string | undefined {
    const unsaved = this.texts.get(file);
    if (unsaved !== undefined) return unsaved;
    const bytes = ifReadable(() => this.reader.read(file, maximumSourceBytes));
    if (bytes === undefined) return undefined;
    const interesting =
      bytes.includes(sdkName) ||
      (bytes.includes(atSign) && decoratorNames.some((name) => bytes.includes(name)));
    return interesting ? bytes.toString('utf8') : undefined;
  }

  private text(file: string): string | undefined {
    const unsaved = this.texts.get(file);
    if (unsaved !== undefined) return unsaved;
    return ifReadable(() => this.reader.read(file, maximumSourceBytes)?.toString('utf8'));
  }
}

function dependsOn(file: string, { uses, misses }: KnownFile, path: string): boolean {
  return (
    isInside(path, file) ||
    uses.has(path) ||
    misses.has(basename(path, '.py')) ||
    misses.has(basename(dirname(path))) ||
    [...uses].some((used) => isInside(path, used))
  );
}

/**
 * What `velar discover --json` prints for a file or a folder. Throws `not-found` where there is
 * neither, and `cancelled`.
 */
export async function discover(path: string, signal: AbortSignal): Promise<ContractFunction[]> {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) {
    throw new VelarError('not-found', `There is no file or folder ${path}.`, {
      hint: 'Give the path of a Python file or of a folder.',
    });
  }
  if (stats.isFile()) {
    const discovery = new WorkspaceDiscovery([dirname(path)]);
    return discovery.read(path).map((found) => toContract(basename(path), found));
  }
  const discovery = new WorkspaceDiscovery([path]);
  await discovery.scan({ signal });
  return discovery
    .files()
    .flatMap(({ file, functions }) =>
      functions.map((found) => toContract(toPosix(relative(path, file)), found)),
    );
}
