/** Blobs that arrive on a stream right behind the request that names them. */
import { VelarError } from '../protocol/errors';
import type { BlobUpload } from '../protocol/methods';
import type { BlobStore, BlobWriter } from '../store/blobs';
import { DEFAULT_BUNDLE_LIMITS } from '../store/bundles';
import type { SessionStream, StreamOwner, StreamTable } from './streams';

/** Small blobs that are written side by side. */
const PARALLEL_WRITES = 16;

/**
 * Takes the upload in; resolves when all of its blobs are stored, rejects with the first thing that went wrong
 * (`invalid` for bytes that are not what they claim, `disk-full`, `session-lost`). What comes after that is used up
 * unread. Call it while the request is handled, before anything is awaited. Throws `too-large`, `invalid`.
 */
export function receiveUpload(
  upload: BlobUpload,
  streams: StreamTable,
  blobs: BlobStore,
): Promise<void> {
  const { fileBytes, totalBytes } = DEFAULT_BUNDLE_LIMITS;
  const total = upload.items.reduce((sum, { size }) => sum + size, 0);
  if (total > totalBytes || upload.items.some(({ size }) => size > fileBytes)) {
    throw new VelarError('too-large', 'The upload is over the size limit of bundles.', {
      hint: 'Leave large files out with .velarignore, and read them from a Volume.',
    });
  }
  return new UploadReceiver(upload, streams, blobs).finished;
}

class UploadReceiver implements StreamOwner {
  readonly finished: Promise<void>;
  private readonly stream: SessionStream;
  private readonly arrivals: Buffer[] = [];
  private complete = false;
  private failure: VelarError | undefined;
  private wake: (() => void) | undefined;

  constructor(
    private readonly upload: BlobUpload,
    streams: StreamTable,
    private readonly blobs: BlobStore,
  ) {
    this.stream = streams.accept(upload.stream, this, false);
    this.finished = this.run();
  }

  received(payload: Buffer): void {
    if (this.failure !== undefined) {
      this.stream.consumed(payload.byteLength);
      return;
    }
    this.arrivals.push(payload);
    this.wake?.();
  }

  peerEnded(): void {
    this.complete = true;
    this.wake?.();
  }

  lost(error: VelarError): void {
    this.failure ??= error;
    this.wake?.();
  }

  flush(): void {
    // Nothing is sent on an upload's stream.
  }

  private async run(): Promise<void> {
    let writer: BlobWriter | undefined;
    const writes = new Set<Promise<void>>();
    try {
      for (const item of this.upload.items) {
        writer = this.blobs.writer(item);
        while (writer.remaining > 0) {
          const payload = await this.next();
          const own = payload.subarray(0, writer.remaining);
          if (own.byteLength < payload.byteLength) {
            this.arrivals.unshift(payload.subarray(own.byteLength));
          }
          await writer.write(own);
          this.stream.consumed(own.byteLength);
        }
        const write = writer.finish().finally(() => writes.delete(write));
        writer = undefined;
        writes.add(write);
        // Failures are looked at below; until then they must not count as unhandled.
        write.catch((error: unknown) => {
          this.failure ??= VelarError.from(error);
        });
        if (writes.size >= PARALLEL_WRITES) await Promise.race(writes);
        if (this.failure !== undefined) throw this.failure;
      }
      await Promise.all(writes);
    } catch (error) {
      this.failure ??= VelarError.from(error);
      for (const left of this.arrivals.splice(0)) this.stream.consumed(left.byteLength);
      await writer?.abandon();
      await Promise.allSettled(writes);
      throw this.failure;
    }
  }

  private async next(): Promise<Buffer> {
    for (;;) {
      if (this.failure !== undefined) throw this.failure;
      const payload = this.arrivals.shift();
      if (payload !== undefined) return payload;
      if (this.complete) {
        throw new VelarError('invalid', 'The upload ended before all of its blobs had come.', {
          hint: 'Start the run again.',
        });
      }
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      this.wake = undefined;
    }
  }
}
