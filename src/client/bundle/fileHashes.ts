/** Content hashes of files, kept for as long as a file's stat stays the same. */
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { sha256Hex } from '../../../runtime/protocol/bundles';
import { isNodeError, VelarError } from '../../../runtime/protocol/errors';

export interface FileHash {
  readonly sha256: string;
  readonly size: number;
  /** 0o644 or 0o755. */
  readonly mode: number;
}

interface Known extends FileHash {
  readonly mtimeMs: number;
  readonly ino: number;
  /** False where the file was written so recently that its time may not tell the next change. */
  readonly settled: boolean;
}

/** Files up to this size are read in one go, others as a stream. */
const wholeBytes = 1 << 20;

/** Coarsest clock of a file system that counts, in ms: a second change within it can go unseen. */
export const clockMs = 20;

export class FileHashes {
  private readonly known = new Map<string, Known>();

  /** Forgets a file, so that it is read again even if its stat stays the same. */
  forget(path: string): void {
    this.known.delete(path);
  }

  /** The hash that is still right for this stat, if any. */
  peek(path: string, stats: Stats): FileHash | undefined {
    const known = this.known.get(path);
    return known?.settled === true && matches(known, stats) ? known : undefined;
  }

  /** Hashes a small file at once; undefined when that needs `hash`. */
  hashNow(path: string, stats: Stats): FileHash | undefined {
    if (stats.size > wholeBytes) return undefined;
    const content = readFileSync(path);
    return this.remember(path, sha256Hex(content), content.byteLength, stats);
  }

  /**
   * Hashes a file of any size; once more when it changes meanwhile. Throws `bundle-changed` when it
   * keeps changing, or the file system's error.
   */
  async hash(path: string, signal: AbortSignal): Promise<FileHash> {
    for (let attempt = 1; attempt <= 2; attempt++) {
      const before = await stat(path);
      const sha256 = await hashStream(path, signal);
      const after = await stat(path);
      if (before.mtimeMs === after.mtimeMs && before.size === after.size) {
        return this.remember(path, sha256, after.size, after);
      }
    }
    throw new VelarError('bundle-changed', `${path} keeps changing while it is read.`, {
      hint: 'Wait until it is written, or keep it out with .velarignore, then run again.',
    });
  }

  private remember(path: string, sha256: string, size: number, stats: Stats): FileHash {
    const known: Known = {
      sha256,
      size,
      mode: fileMode(stats),
      mtimeMs: stats.mtimeMs,
      ino: stats.ino,
      settled: size === stats.size && Date.now() - stats.mtimeMs > clockMs,
    };
    this.known.set(path, known);
    return known;
  }
}

/** The permission bits that a bundle keeps: whether a file can be executed. */
export function fileMode(stats: Stats): number {
  return (stats.mode & 0o111) === 0 || process.platform === 'win32' ? 0o644 : 0o755;
}

function matches(known: Known, stats: Stats): boolean {
  return known.mtimeMs === stats.mtimeMs && known.size === stats.size && known.ino === stats.ino;
}

async function hashStream(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { signal, highWaterMark: wholeBytes })) {
      hash.update(chunk as Buffer);
    }
  } catch (error) {
    if (isNodeError(error) && error.name === 'AbortError') throw VelarError.from(error);
    throw error;
  }
  return hash.digest('hex');
}
