/** Brings a bundle to a runtime: what it has is named, only what it lacks is sent. */
import { bundleId } from '../../runtime/protocol/bundles';
import { VelarError } from '../../runtime/protocol/errors';
import type { BlobUpload, FileEntry } from '../../runtime/protocol/methods';
import type { ClientConnection, ClientStream } from './api';

/** A bundle ready to be offered. */
export interface BundleContent {
  readonly files: readonly FileEntry[];
  /** Content of one of its files as it was when hashed. Throws `bundle-changed`. */
  read(entry: FileEntry): Promise<Uint8Array>;
}

/** Blobs sent along with an offer, without waiting for what the runtime says is missing. */
const UNASKED_BYTES = 8 * 1024 * 1024;
/** The same for a first offer, of which the runtime may know everything from another time. */
const UNASKED_FIRST_BYTES = 64 * 1024;
const UPLOAD_TRIES = 3;

interface Sent {
  id: string;
  entries: Map<string, FileEntry>;
}

/** What one session's runtime has been sent, so that the next bundle is told as a change to the last. */
export class BundleUploader {
  /** The last bundle of each root. */
  private readonly last = new Map<string, Sent>();
  private readonly known = new Set<string>();

  constructor(private readonly connection: ClientConnection) {
    connection.onNewSession(() => {
      this.forget();
    });
  }

  /** Makes no assumption about what the runtime has, from now on. */
  forget(): void {
    this.last.clear();
    this.known.clear();
  }

  /**
   * Resolves with the bundle's id once the runtime has all of it; at once when it is the one that was sent
   * last. Throws `bundle-changed`, `bundle-incomplete`, `disk-full`, `cancelled`, `session-lost`.
   */
  async send(root: string, content: BundleContent, signal: AbortSignal): Promise<string> {
    const id = bundleId(content.files);
    const base = this.last.get(root);
    if (base?.id === id) return id;
    const missing = await this.offer(id, content, base, signal);
    await this.sendMissing(id, content, missing, signal);
    this.last.set(root, {
      id,
      entries: new Map(content.files.map((entry) => [entry.path, entry])),
    });
    for (const { sha256 } of content.files) this.known.add(sha256);
    return id;
  }

  private async offer(
    id: string,
    content: BundleContent,
    base: Sent | undefined,
    signal: AbortSignal,
  ): Promise<string[]> {
    const change = base === undefined ? undefined : bundleChange(base, content.files);
    const blobs = this.unasked(change?.upsert ?? content.files, base !== undefined);
    try {
      return await this.transfer(content, blobs, async (upload) => {
        const { missing } = await this.connection.request(
          'bundle.offer',
          {
            bundle: id,
            content: change ?? { files: [...content.files] },
            ...(upload === undefined ? {} : { upload }),
          },
          signal,
        );
        return missing;
      });
    } catch (error) {
      if (!(error instanceof VelarError) || error.code !== 'bundle-base-unknown') throw error;
      this.forget();
      return this.offer(id, content, undefined, signal);
    }
  }

  /** Blobs that the runtime has hardly seen, if they are few enough to go without being asked for. */
  private unasked(entries: readonly FileEntry[], hasBase: boolean): FileEntry[] {
    const blobs = uniqueBlobs(entries).filter(({ sha256 }) => !this.known.has(sha256));
    const bytes = blobs.reduce((sum, { size }) => sum + size, 0);
    return bytes <= (hasBase ? UNASKED_BYTES : UNASKED_FIRST_BYTES) ? blobs : [];
  }

  private async sendMissing(
    id: string,
    content: BundleContent,
    firstMissing: string[],
    signal: AbortSignal,
  ): Promise<void> {
    let missing = firstMissing;
    for (let tries = 0; missing.length > 0; tries += 1) {
      const wanted = new Set(missing);
      const blobs = uniqueBlobs(content.files).filter(({ sha256 }) => wanted.has(sha256));
      if (tries === UPLOAD_TRIES || blobs.length === 0) {
        throw new VelarError(
          'bundle-incomplete',
          `The runtime still lacks ${String(missing.length)} files of the bundle after they were sent.`,
          { hint: 'Run again; if it stays, look at the disk of the runtime.' },
        );
      }
      missing = await this.transfer(content, blobs, async (upload) => {
        if (upload === undefined) return missing;
        const answer = await this.connection.request(
          'bundle.upload',
          { bundle: id, upload },
          signal,
        );
        return answer.missing;
      });
    }
  }

  /** Asks with the upload announced, and sends the blobs right behind the request. */
  private async transfer(
    content: BundleContent,
    blobs: readonly FileEntry[],
    ask: (upload: BlobUpload | undefined) => Promise<string[]>,
  ): Promise<string[]> {
    if (blobs.length === 0) return ask(undefined);
    const stream = this.connection.openStream(true);
    const answer = ask({
      stream: stream.id,
      items: blobs.map(({ sha256, size }) => ({ sha256, size })),
    });
    const sending = sendBlobs(stream, content, blobs);
    try {
      // An answer that comes early is a refusal: nobody takes the rest.
      const [missing] = await Promise.all([answer, sending]);
      return missing;
    } finally {
      stream.abandon();
      await Promise.allSettled([sending]);
    }
  }
}

async function sendBlobs(
  stream: ClientStream,
  content: BundleContent,
  blobs: readonly FileEntry[],
): Promise<void> {
  for (const blob of blobs) {
    const bytes = await content.read(blob);
    if (bytes.byteLength !== blob.size) {
      throw new VelarError('bundle-changed', `${blob.path} changed while it was sent.`, {
        hint: 'Run again.',
      });
    }
    await stream.write(bytes);
  }
  stream.end();
}

function uniqueBlobs(entries: readonly FileEntry[]): FileEntry[] {
  return [...new Map(entries.map((entry) => [entry.sha256, entry])).values()];
}

/** How to get from one bundle to the next. */
export function bundleChange(
  base: { id: string; entries: ReadonlyMap<string, FileEntry> },
  files: readonly FileEntry[],
): { base: string; upsert: FileEntry[]; remove: string[] } {
  const now = new Set(files.map(({ path }) => path));
  return {
    base: base.id,
    upsert: files.filter((entry) => {
      const before = base.entries.get(entry.path);
      return before?.sha256 !== entry.sha256 || before.mode !== entry.mode;
    }),
    remove: [...base.entries.keys()].filter((path) => !now.has(path)),
  };
}
