/** Reads many small files fast: whole, one after another, into one buffer that is used again. */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';

const bufferBytes = 256 * 1024;

export class SourceReader {
  private readonly buffer = Buffer.allocUnsafeSlow(bufferBytes);

  /**
   * The file's bytes. Valid only until the next read. Undefined for a file above `maximumBytes`.
   * Throws the file system's error.
   */
  read(path: string, maximumBytes: number): Buffer | undefined {
    const descriptor = openSync(path, 'r');
    try {
      const length = readSync(descriptor, this.buffer, 0, bufferBytes, 0);
      if (length < bufferBytes) return this.buffer.subarray(0, length);
      if (fstatSync(descriptor).size > maximumBytes) return undefined;
      return readFileSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }
}
