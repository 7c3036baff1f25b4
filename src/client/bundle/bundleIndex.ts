/** Makes bundles of one folder, each from what is known of the last: only what changed is read. */
import { readFileSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { isAbsolute, relative, sep } from 'node:path';
import { checkBundlePath, sha256Hex } from '../../../runtime/protocol/bundles';
import { isNodeError, VelarError } from '../../../runtime/protocol/errors';
import type { FileEntry } from '../../../runtime/protocol/methods';
import type { ModuleImport } from '../../discovery/model';
import { PythonDocument } from '../../discovery/parse';
import { Bundle } from './bundle';
import type { BundleDecision } from './bundle';
import { importClosure } from './closure';
import { fileMode, FileHashes } from './fileHashes';
import type { FileHash } from './fileHashes';
import { Listing } from './listing';
import { neverSentFile } from './neverSent';
import { Pacer } from './pacer';
import { DiskFolders, DiskTree } from './sourceTree';
import { toPosix } from './walk';
import type { SkippedEntry } from './walk';

/** Larger Python files are data; their imports are not followed. */
const maximumSourceBytes = 4 << 20;

/** Unsaved editor text by absolute path. */
export type EditorTexts = ReadonlyMap<string, string>;

interface Snapshot {
  readonly entries: Map<string, FileEntry>;
  readonly unreadable: SkippedEntry[];
}

export class BundleIndex {
  private readonly hashes = new FileHashes();
  private readonly folders = new DiskFolders();
  private readonly imports = new Map<string, { sha256: string; found: readonly ModuleImport[] }>();
  private listing: Listing | undefined;

  /** `root`: absolute path of the bundle's folder. */
  constructor(readonly root: string) {}

  /** Reads files again even if their size and time stay the same. Absolute paths. */
  changed(paths: Iterable<string>): void {
    for (const path of paths) this.hashes.forget(path);
  }

  /** Walks and hashes ahead of the first bundle. Throws as `build` does. */
  async warm(signal: AbortSignal): Promise<void> {
    const listing = await this.list(signal);
    await this.snapshot(listing, [], new Map(), signal);
  }

  /**
   * The bundle for a run of `file` (relative to the root, with `/`): its import closure and what the
   * ignore rules let through, with unsaved text in the place of what is on disk. Throws `not-found`
   * without such a file, `invalid` outside the root, `bundle-changed`, `cancelled`.
   */
  async build(file: string, texts: EditorTexts, signal: AbortSignal): Promise<Bundle> {
    checkBundlePath(file);
    const unsaved = this.unsavedFiles(texts);
    const tree = new DiskTree(this.root, this.folders, [...unsaved.keys()]);
    if (!unsaved.has(file) && this.stats(file)?.isFile() !== true) {
      throw new VelarError('not-found', `There is no file ${file} in ${this.root}.`, {
        hint: 'Save the file, or check its path.',
      });
    }
    const listing = await this.list(signal);
    const closure = importClosure(tree, file, (source) => this.importsOf(source, unsaved));
    const needed = closure.files.filter((path) => neverSentFile(lastPart(path)) === undefined);
    const { entries, unreadable } = await this.snapshot(listing, needed, unsaved, signal);
    const files = [...entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
    const decide = (): BundleDecision[] =>
      decisions(files, file, new Set(needed), unsaved, listing, unreadable);
    const { missing, external } = closure;
    return new Bundle({ root: this.root, files, unsaved, missing, external, decide }, this.hashes);
  }

  private async list(signal: AbortSignal): Promise<Listing> {
    if (this.listing === undefined || !(await this.listing.isCurrent(signal))) {
      this.listing = await Listing.read(this.root, signal);
    }
    return this.listing;
  }

  private async snapshot(
    listing: Listing,
    needed: readonly string[],
    unsaved: ReadonlyMap<string, Uint8Array>,
    signal: AbortSignal,
  ): Promise<Snapshot> {
    const entries = new Map<string, FileEntry>();
    const unreadable: SkippedEntry[] = [];
    const pacer = new Pacer(signal);
    const paths = new Set(listing.files.map(({ path }) => path));
    for (const path of needed) paths.add(path);
    for (const path of paths) {
      if (pacer.due) await pacer.rest();
      try {
        const entry =
          this.entryNow(path, unsaved.get(path)) ?? (await this.largeEntry(path, signal));
        if (entry !== undefined) entries.set(path, entry);
      } catch (error) {
        if (!isNodeError(error)) throw error;
        unreadable.push({ path, reason: `can't be read: ${error.code ?? error.message}` });
      }
    }
    return { entries, unreadable };
  }

  private entryNow(path: string, unsaved: Uint8Array | undefined): FileEntry | undefined {
    const stats = this.stats(path);
    if (unsaved !== undefined) {
      const mode = stats === undefined ? 0o644 : fileMode(stats);
      return { path, sha256: sha256Hex(unsaved), size: unsaved.byteLength, mode };
    }
    const hash = stats?.isFile() === true ? this.hashNow(path, stats) : undefined;
    return hash && { path, sha256: hash.sha256, size: hash.size, mode: hash.mode };
  }

  private async largeEntry(path: string, signal: AbortSignal): Promise<FileEntry | undefined> {
    if (this.stats(path)?.isFile() !== true) return undefined;
    const { sha256, size, mode } = await this.hashes.hash(this.absolute(path), signal);
    return { path, sha256, size, mode };
  }

  private hashNow(path: string, stats: Stats): FileHash | undefined {
    const absolute = this.absolute(path);
    return this.hashes.peek(absolute, stats) ?? this.hashes.hashNow(absolute, stats);
  }

  private importsOf(
    file: string,
    unsaved: ReadonlyMap<string, Uint8Array>,
  ): readonly ModuleImport[] | undefined {
    try {
      const sha256 = this.entryNow(file, unsaved.get(file))?.sha256;
      const known = this.imports.get(file);
      if (sha256 !== undefined && known?.sha256 === sha256) return known.found;
      const content = unsaved.get(file) ?? readFileSync(this.absolute(file));
      if (content.byteLength > maximumSourceBytes) return undefined;
      const found = new PythonDocument(new TextDecoder().decode(content)).imports();
      this.imports.set(file, { sha256: sha256Hex(content), found });
      return found;
    } catch (error) {
      // What can't be read is told about where it would be sent.
      if (isNodeError(error)) return undefined;
      throw error;
    }
  }

  private absolute(path: string): string {
    return this.root + sep + path;
  }

  private stats(path: string): Stats | undefined {
    return statSync(this.absolute(path), { throwIfNoEntry: false });
  }

  private unsavedFiles(texts: EditorTexts): Map<string, Uint8Array> {
    const files = new Map<string, Uint8Array>();
    for (const [absolute, text] of texts) {
      const path = relative(this.root, absolute);
      if (path === '' || isAbsolute(path) || path.split(/[\\/]/)[0] === '..') continue;
      files.set(toPosix(path), Buffer.from(text));
    }
    return files;
  }
}

function decisions(
  files: readonly FileEntry[],
  entry: string,
  needed: ReadonlySet<string>,
  unsaved: ReadonlyMap<string, Uint8Array>,
  listing: Listing,
  unreadable: readonly SkippedEntry[],
): BundleDecision[] {
  const reasons = new Map(listing.files.map(({ path, reason }) => [path, reason]));
  const sent = files.map(({ path, size }): BundleDecision => {
    const reason =
      path === entry
        ? 'the file that runs'
        : needed.has(path)
          ? 'import closure'
          : (reasons.get(path) ?? 'workspace file');
    return {
      path,
      sent: true,
      reason: unsaved.has(path) ? `${reason}, as it stands in the editor` : reason,
      size,
    };
  });
  const sentPaths = new Set(files.map(({ path }) => path));
  const skipped = [...listing.skipped, ...unreadable]
    .filter(({ path }) => !sentPaths.has(path))
    .map(({ path, reason }): BundleDecision => ({ path, sent: false, reason, size: undefined }));
  return [...sent, ...skipped].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
