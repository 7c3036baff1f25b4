/** Content-addressed files: `<aa>/<sha256>`, whole or absent, never half-written. */
import { createHash, randomBytes, type Hash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { mkdir, open, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { measureFolder, type FolderSize } from './folderSize';
import { namesIn } from './removal';
import { VelarError } from '../protocol/errors';
import { sha256Hex } from '../protocol/bundles';

/** Size and content that a blob is expected to have. */
export interface BlobId {
  sha256: string;
  size: number;
}

/** Blobs up to this size are gathered in memory and written at once. */
const WHOLE_BYTES = 1024 * 1024;

export class BlobStore {
  /** Known to be there: saves a look at the disk for each file of each run. */
  private readonly present = new Set<string>();
  private readonly folders = new Set<string>();

  private constructor(readonly root: string) {}

  /** Makes the folder, and removes what an earlier process had not finished writing. */
  static open(root: string): BlobStore {
    mkdirSync(join(root, 'tmp'), { recursive: true, mode: 0o700 });
    for (const name of readdirSync(join(root, 'tmp'))) {
      rmSync(join(root, 'tmp', name), { force: true });
    }
    return new BlobStore(root);
  }

  /** Where the blob lies or would lie. */
  path(sha256: string): string {
    return join(this.root, sha256.slice(0, 2), sha256);
  }

  /** True when the blob is there, with this size where one is given. */
  has(sha256: string, size?: number): boolean {
    if (this.present.has(sha256)) return true;
    const stat = statSync(this.path(sha256), { throwIfNoEntry: false });
    // A power cut can leave a name without its bytes; that blob counts as missing and is written again.
    if (stat === undefined || (size !== undefined && stat.size !== size)) return false;
    if (size !== undefined) this.present.add(sha256);
    return true;
  }

  /** Hashes of those that are not there, each once. */
  missing(blobs: readonly BlobId[]): string[] {
    const missing = new Set<string>();
    for (const { sha256, size } of blobs) if (!this.has(sha256, size)) missing.add(sha256);
    return [...missing];
  }

  /** Stores bytes that are at hand; returns their hash. Throws `disk-full`. */
  async put(bytes: Uint8Array): Promise<string> {
    const sha256 = sha256Hex(bytes);
    if (!this.has(sha256, bytes.byteLength)) await this.write(sha256, bytes);
    return sha256;
  }

  /** What all blobs take, and when the last one came. */
  measure(): Promise<FolderSize> {
    return measureFolder(this.root);
  }

  /** The blobs that lie here, with their sizes. */
  async *all(): AsyncGenerator<BlobId> {
    for (const folder of await namesIn(this.root)) {
      if (folder.length !== 2) continue;
      for (const sha256 of await namesIn(join(this.root, folder))) {
        yield { sha256, size: (await measureFolder(this.path(sha256))).bytes };
      }
    }
  }

  /** Removes a blob that was written before `before`, ms since the epoch. Its bytes; undefined where it stays. */
  removeOlder(sha256: string, before: number): number | undefined {
    const path = this.path(sha256);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined || stat.mtimeMs > before) return undefined;
    this.present.delete(sha256);
    rmSync(path, { force: true });
    return stat.size;
  }

  /** A sink for one blob that arrives in pieces. */
  writer(id: BlobId): BlobWriter {
    return new BlobWriter(this, id);
  }

  /** @internal for BlobWriter: a name for bytes that are not yet checked. */
  temporaryPath(): string {
    return join(this.root, 'tmp', randomBytes(12).toString('hex'));
  }

  /** @internal for BlobWriter: gives checked bytes their name, in one step. */
  async adopt(temporary: string, sha256: string): Promise<void> {
    const folder = sha256.slice(0, 2);
    if (!this.folders.has(folder)) {
      // Readable for the user that containers run as; nobody else gets into the home.
      await mkdir(join(this.root, folder), { recursive: true, mode: 0o755 });
      this.folders.add(folder);
    }
    await rename(temporary, this.path(sha256));
    this.present.add(sha256);
  }

  /** @internal for BlobWriter: writes bytes whose hash was checked. */
  async write(sha256: string, bytes: Uint8Array): Promise<void> {
    const temporary = this.temporaryPath();
    try {
      await writeFile(temporary, bytes, { mode: 0o644, flag: 'wx' });
      await this.adopt(temporary, sha256);
    } catch (error) {
      await rm(temporary, { force: true });
      throw VelarError.from(error);
    }
  }
}

/** Takes exactly `size` bytes whose SHA-256 is the id, or leaves nothing behind. */
export class BlobWriter {
  private readonly hash: Hash = createHash('sha256');
  private pieces: Uint8Array[] = [];
  private received = 0;
  private file: { handle: FileHandle; path: string } | undefined;

  constructor(
    private readonly store: BlobStore,
    private readonly id: BlobId,
  ) {}

  /** Bytes still to come. */
  get remaining(): number {
    return this.id.size - this.received;
  }

  /** Throws `disk-full`, and `too-large` for more bytes than announced. Await each before the next. */
  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.byteLength > this.remaining) {
      throw new VelarError('too-large', `Blob ${this.id.sha256} is larger than announced.`);
    }
    this.received += bytes.byteLength;
    this.hash.update(bytes);
    if (this.id.size <= WHOLE_BYTES) {
      this.pieces.push(bytes);
      return;
    }
    try {
      if (this.file === undefined) {
        const path = this.store.temporaryPath();
        this.file = { path, handle: await open(path, 'wx', 0o644) };
      }
      // `writeFile` on a handle goes on at its position and retries short writes.
      await this.file.handle.writeFile(bytes);
    } catch (error) {
      throw VelarError.from(error);
    }
  }

  /** Checks and keeps the blob. Throws `invalid` when the content is not what its hash says, `disk-full`. */
  async finish(): Promise<void> {
    const actual = this.hash.digest('hex');
    if (this.remaining !== 0 || actual !== this.id.sha256) {
      await this.abandon();
      throw new VelarError(
        'invalid',
        `A blob came with ${String(this.received)} bytes and SHA-256 ${actual}; announced were ${String(this.id.size)} bytes and ${this.id.sha256}.`,
        { hint: 'The file changed or the transfer is broken: start the run again.' },
      );
    }
    if (this.file === undefined) {
      await this.store.write(this.id.sha256, Buffer.concat(this.pieces));
      return;
    }
    const { handle, path } = this.file;
    await handle.close();
    this.file = undefined;
    await this.store.adopt(path, this.id.sha256);
  }

  /** Removes what was written so far. */
  async abandon(): Promise<void> {
    this.pieces = [];
    const file = this.file;
    this.file = undefined;
    if (file === undefined) return;
    await file.handle.close();
    await rm(file.path, { force: true });
  }
}
