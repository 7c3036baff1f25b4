/** Bundles: manifests over blobs. A manifest is itself a blob, named by the bundle's id. */
import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { bundleId, checkBundlePath, manifestBytes } from '../protocol/bundles';
import { isNodeError, VelarError } from '../protocol/errors';
import { fileEntrySchema, type FileEntry, type MethodParams } from '../protocol/methods';
import type { BlobId, BlobStore } from './blobs';

export interface BundleLimits {
  files: number;
  /** Bytes of one file, and of all files of a bundle. */
  fileBytes: number;
  totalBytes: number;
}

export const DEFAULT_BUNDLE_LIMITS: BundleLimits = {
  files: 100_000,
  fileBytes: 4 * 1024 ** 3,
  totalBytes: 16 * 1024 ** 3,
};

/** Manifests kept parsed; others are read again when asked for. */
const CACHED_MANIFESTS = 16;

const manifestSchema = z.object({ version: z.literal(1), files: z.array(fileEntrySchema) });

type Manifest = ReadonlyMap<string, FileEntry>;

export class BundleStore {
  private readonly cache = new Map<string, Manifest>();
  /** Bundles whose blobs were all there when last looked at. */
  private readonly whole = new Set<string>();

  constructor(
    private readonly blobs: BlobStore,
    private readonly limits: BundleLimits = DEFAULT_BUNDLE_LIMITS,
    /** Told of each bundle that is offered or asked for, before it is looked at. */
    private readonly used: (bundle: string) => void = () => undefined,
  ) {}

  /**
   * Takes a manifest, whole or as a change to one that is here, and keeps it; `missing` says which blobs lack.
   * Throws `invalid` for a bad path or a forged id, `too-large`, `disk-full`, `bundle-base-unknown`.
   */
  async offer({
    bundle,
    content,
  }: Pick<MethodParams<'bundle.offer'>, 'bundle' | 'content'>): Promise<void> {
    if (this.known(bundle)) {
      this.used(bundle);
      return;
    }
    const changed = 'files' in content ? content.files : content.upsert;
    for (const file of changed) this.checkEntry(file);
    const files = 'files' in content ? content.files : this.change(content);
    this.checkWhole(files);
    const actual = bundleId(files);
    if (actual !== bundle) {
      throw new VelarError('invalid', `The bundle's files give the id ${actual}, not ${bundle}.`);
    }
    // Known before it is written: what is removed meanwhile must not be its files.
    this.remember(bundle, toMap(files));
    this.used(bundle);
    try {
      await this.blobs.put(manifestBytes(files));
    } catch (error) {
      this.cache.delete(bundle);
      throw error;
    }
  }

  /** Hashes of the bundle's blobs that are not here. Throws `not-found` for a bundle never offered. */
  missing(bundle: string): string[] {
    if (this.whole.has(bundle)) {
      this.used(bundle);
      return [];
    }
    const files = [...this.load(bundle).values()];
    this.used(bundle);
    const missing = this.blobs.missing(files);
    if (missing.length === 0) this.whole.add(bundle);
    return missing;
  }

  /** Throws `bundle-incomplete` where blobs are missing, `not-found` for a bundle never offered. */
  requireWhole(bundle: string): void {
    if (this.missing(bundle).length === 0) return;
    throw new VelarError('bundle-incomplete', 'Files of the bundle are missing on the runtime.', {
      hint: 'Send them, then start the run again.',
    });
  }

  /** True when the bundle was offered and all of its blobs are here. */
  complete(bundle: string): boolean {
    return this.whole.has(bundle) || (this.known(bundle) && this.missing(bundle).length === 0);
  }

  /** All that a bundle consists of, its manifest included; nothing of one that is not here. */
  blobsOf(bundle: string): BlobId[] {
    if (!this.known(bundle)) return [];
    return [{ sha256: bundle, size: 0 }, ...this.load(bundle).values()];
  }

  /** Blobs may be gone: bundles are looked at again when they are next asked for. */
  recheck(): void {
    this.whole.clear();
    this.cache.clear();
  }

  /** True when the bundle was offered. */
  known(bundle: string): boolean {
    try {
      this.load(bundle);
      return true;
    } catch (error) {
      if (error instanceof VelarError && error.code === 'not-found') return false;
      throw error;
    }
  }

  /** Files of a bundle, sorted by path. Throws `not-found`. */
  manifest(bundle: string): FileEntry[] {
    return [...this.load(bundle).values()];
  }

  private load(bundle: string): Manifest {
    const cached = this.cache.get(bundle);
    if (cached !== undefined) {
      this.remember(bundle, cached);
      return cached;
    }
    try {
      const parsed = manifestSchema.parse(
        JSON.parse(readFileSync(this.blobs.path(bundle), 'utf8')),
      );
      // A blob of the same name can be any file that someone uploaded: only sound manifests count.
      if (bundleId(parsed.files) !== bundle) throw unknown(bundle);
      for (const file of parsed.files) this.checkEntry(file);
      const manifest = toMap(parsed.files);
      this.remember(bundle, manifest);
      return manifest;
    } catch (error) {
      if (error instanceof VelarError) throw error;
      const foreign = error instanceof SyntaxError || error instanceof z.ZodError;
      if (foreign || (isNodeError(error) && error.code === 'ENOENT')) throw unknown(bundle);
      throw VelarError.from(error);
    }
  }

  private remember(bundle: string, manifest: Manifest): void {
    this.cache.delete(bundle);
    this.cache.set(bundle, manifest);
    const oldest = this.cache.keys().next();
    if (this.cache.size > CACHED_MANIFESTS && oldest.done !== true) this.cache.delete(oldest.value);
  }

  private change(delta: { base: string; upsert: FileEntry[]; remove: string[] }): FileEntry[] {
    let base: Manifest;
    try {
      base = this.load(delta.base);
    } catch (error) {
      if (!(error instanceof VelarError) || error.code !== 'not-found') throw error;
      throw new VelarError('bundle-base-unknown', `This runtime has no bundle ${delta.base}.`, {
        hint: 'Offer all files.',
      });
    }
    const files = new Map(base);
    for (const path of delta.remove) files.delete(path);
    for (const file of delta.upsert) files.set(file.path, file);
    return [...files.values()];
  }

  private checkEntry(file: FileEntry): void {
    checkBundlePath(file.path);
    if (file.mode !== 0o644 && file.mode !== 0o755) {
      throw new VelarError(
        'invalid',
        `File ${file.path} has mode ${file.mode.toString(8)}; a bundle has 644 and 755 only.`,
      );
    }
    if (file.size > this.limits.fileBytes) {
      throw new VelarError('too-large', `File ${file.path} is over the limit for one file.`, {
        hint: 'Leave it out with .velarignore, and read it from a Volume.',
      });
    }
  }

  private checkWhole(files: readonly FileEntry[]): void {
    if (files.length > this.limits.files) {
      throw new VelarError('too-large', `A bundle of ${String(files.length)} files is too large.`, {
        hint: `Leave files out with .velarignore; the limit is ${String(this.limits.files)}.`,
      });
    }
    const paths = new Set<string>();
    const folders = new Set<string>();
    let total = 0;
    for (const { path, size } of files) {
      if (paths.has(path)) throw new VelarError('invalid', `Two files have the path ${path}.`);
      paths.add(path);
      total += size;
      for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
        const folder = path.slice(0, at);
        if (folders.has(folder)) break;
        folders.add(folder);
      }
    }
    for (const folder of folders) {
      if (paths.has(folder)) throw new VelarError('invalid', `${folder} is a file and a folder.`);
    }
    if (total > this.limits.totalBytes) {
      throw new VelarError('too-large', `A bundle of ${String(total)} bytes is too large.`, {
        hint: 'Leave large files out with .velarignore, and read them from a Volume.',
      });
    }
  }
}

function toMap(files: readonly FileEntry[]): Manifest {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  return new Map(sorted.map((file) => [file.path, file]));
}

function unknown(bundle: string): VelarError {
  return new VelarError('not-found', `This runtime has no bundle ${bundle}.`, {
    hint: 'Offer it first.',
  });
}
