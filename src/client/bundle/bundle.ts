/** A bundle: the files of one run as they were when it was made. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BUNDLE_CONFIRM_BYTES, bundleId, sha256Hex } from '../../../runtime/protocol/bundles';
import { isNodeError, VelarError } from '../../../runtime/protocol/errors';
import type { FileEntry } from '../../../runtime/protocol/methods';
import type { BundleContent } from '../bundleUpload';
import type { ExternalImport, MissingImport } from './closure';
import type { FileHashes } from './fileHashes';

/** Whether a path goes along, and why. */
export interface BundleDecision {
  /** Relative to the root, `/` between parts; a folder's ends in `/`. */
  readonly path: string;
  readonly sent: boolean;
  readonly reason: string;
  /** Bytes; undefined for what is not sent. */
  readonly size: number | undefined;
}

export interface BundleParts {
  readonly root: string;
  /** Sorted by path. */
  readonly files: readonly FileEntry[];
  /** Content of files that come from the editor, by path. */
  readonly unsaved: ReadonlyMap<string, Uint8Array>;
  readonly missing: readonly MissingImport[];
  readonly external: readonly ExternalImport[];
  readonly decide: () => BundleDecision[];
}

export class Bundle implements BundleContent {
  /** Absolute. */
  readonly root: string;
  readonly files: readonly FileEntry[];
  /** Imports that will fail: the modules should be in the workspace and aren't. */
  readonly missing: readonly MissingImport[];
  /** Imports that the image has to provide. */
  readonly external: readonly ExternalImport[];
  readonly totalBytes: number;

  constructor(
    private readonly parts: BundleParts,
    private readonly hashes: FileHashes,
  ) {
    ({
      root: this.root,
      files: this.files,
      missing: this.missing,
      external: this.external,
    } = parts);
    this.totalBytes = parts.files.reduce((sum, { size }) => sum + size, 0);
  }

  /** SHA-256 of the canonical manifest. */
  get id(): string {
    return bundleId(this.files);
  }

  /** True when it is so large that the person should be asked. */
  get needsConfirmation(): boolean {
    return this.totalBytes > BUNDLE_CONFIRM_BYTES;
  }

  /** Everything that was looked at, sorted by path: what goes along, what does not, and why. */
  decisions(): readonly BundleDecision[] {
    return this.parts.decide();
  }

  /** Content of a file as it was hashed. Throws `bundle-changed` when it is no longer the same. */
  async read(entry: FileEntry): Promise<Uint8Array> {
    const unsaved = this.parts.unsaved.get(entry.path);
    if (unsaved !== undefined) return unsaved;
    const absolute = join(this.root, entry.path);
    const content = await readOrChanged(absolute, entry.path);
    if (content.byteLength === entry.size && sha256Hex(content) === entry.sha256) return content;
    this.hashes.forget(absolute);
    throw changed(entry.path, 'changed after it was hashed');
  }
}

async function readOrChanged(absolute: string, path: string): Promise<Buffer> {
  try {
    return await readFile(absolute);
  } catch (error) {
    if (isNodeError(error)) throw changed(path, `can no longer be read (${error.code ?? ''})`);
    throw error;
  }
}

function changed(path: string, what: string): VelarError {
  return new VelarError('bundle-changed', `${path} ${what}.`, {
    hint: 'Run again once nothing writes to it.',
    details: { path },
  });
}
