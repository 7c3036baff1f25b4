/** VELAR_HOME: its layout, its permissions, and the lock that lets one runtime at a time use it. */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { isNodeError, VelarError } from '../protocol/errors';
import { processIdentity } from './processIdentity';

/** What a running runtime tells those who come later. Lies in runtime.json, mode 0600. */
const runtimeFileSchema = z.object({
  pid: z.number().int(),
  /** See processIdentity.ts. */
  identity: z.string(),
  url: z.string(),
  port: z.number().int(),
  /** File with the token that lets this machine's user in over loopback. */
  tokenFile: z.string(),
  version: z.string(),
  startedAt: z.number(),
});
export type RuntimeFile = z.infer<typeof runtimeFileSchema>;

const lockSchema = z.object({ pid: z.number().int(), identity: z.string(), nonce: z.string() });
type Lock = z.infer<typeof lockSchema>;

const APPEARS_WITHIN_MS = 15_000;

/** The folder to use: `chosen`, else the environment's VELAR_HOME, else ~/.velar. */
export function homePath(chosen?: string, environment: NodeJS.ProcessEnv = process.env): string {
  const named = chosen ?? environment['VELAR_HOME'] ?? '';
  return named === '' ? join(homedir(), '.velar') : resolve(named);
}

export class Home {
  private lock: string | undefined;

  private constructor(readonly path: string) {}

  /** Makes the folder where it lacks, for its owner only. Throws `internal` naming the folder, `disk-full`. */
  static prepare(path: string): Home {
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      chmodSync(path, 0o700);
    } catch (error) {
      if (isNodeError(error) && error.code === 'ENOSPC') throw VelarError.from(error);
      const reason = error instanceof Error ? error.message : String(error);
      throw new VelarError('internal', `VELAR_HOME ${path} can't be used: ${reason}.`, {
        hint: 'Set VELAR_HOME to a folder that you may write.',
        cause: error,
      });
    }
    return new Home(path);
  }

  get logFile(): string {
    return join(this.path, 'runtime.log');
  }

  get tlsFolder(): string {
    return join(this.path, 'tls');
  }

  private get lockFile(): string {
    return join(this.path, 'runtime.lock');
  }

  private get runtimeFile(): string {
    return join(this.path, 'runtime.json');
  }

  private get tokenFile(): string {
    return join(this.path, 'owner-token');
  }

  /** Takes the lock; a lock whose process is gone is taken over. False while another runtime has it. */
  acquire(): boolean {
    const identity = processIdentity(process.pid) ?? '';
    const lock: Lock = { pid: process.pid, identity, nonce: randomBytes(8).toString('hex') };
    const text = JSON.stringify(lock);
    const own = `${this.lockFile}.${lock.nonce}`;
    writeFileSync(own, text, { mode: 0o600, flag: 'wx' });
    try {
      for (;;) {
        try {
          // A link appears whole or not at all: nobody reads a lock that is still being written.
          linkSync(own, this.lockFile);
          this.lock = text;
          return true;
        } catch (error) {
          if (!isNodeError(error) || error.code !== 'EEXIST') throw VelarError.from(error);
        }
        const held = readText(this.lockFile);
        if (held === undefined) continue;
        if (isHeld(held)) return false;
        this.clearStale(held, lock.nonce);
      }
    } finally {
      rmSync(own, { force: true });
    }
  }

  /** Moves a stale lock away. One that was renewed in between is put back. */
  private clearStale(stale: string, nonce: string): void {
    const aside = `${this.lockFile}.stale.${nonce}`;
    try {
      renameSync(this.lockFile, aside);
    } catch (error) {
      if (isNodeError(error) && error.code === 'ENOENT') return;
      throw VelarError.from(error);
    }
    try {
      if (readText(aside) !== stale) linkSync(aside, this.lockFile);
    } catch (error) {
      if (!isNodeError(error) || error.code !== 'EEXIST') throw VelarError.from(error);
    } finally {
      rmSync(aside, { force: true });
    }
  }

  /** Tells later starts where this runtime listens, and writes the owner's token beside it. */
  publish(facts: { url: string; port: number; version: string; token: string }): void {
    writePrivate(this.tokenFile, facts.token);
    const file: RuntimeFile = {
      pid: process.pid,
      identity: processIdentity(process.pid) ?? '',
      url: facts.url,
      port: facts.port,
      tokenFile: this.tokenFile,
      version: facts.version,
      startedAt: Date.now(),
    };
    writePrivate(this.runtimeFile, JSON.stringify(file));
  }

  /** Takes back what `publish` told: nobody new is to come. The lock stays until `release`. */
  retract(): void {
    if (this.lock === undefined) return;
    rmSync(this.runtimeFile, { force: true });
    rmSync(this.tokenFile, { force: true });
  }

  release(): void {
    if (this.lock === undefined) return;
    this.retract();
    if (readText(this.lockFile) === this.lock) rmSync(this.lockFile, { force: true });
    this.lock = undefined;
  }

  /** The runtime that has the lock and listens, with its owner's token; undefined when there is none. */
  running(): { runtime: RuntimeFile; token: string } | undefined {
    const parsed = runtimeFileSchema.safeParse(parseJson(readText(this.runtimeFile)));
    if (!parsed.success) return undefined;
    const token = readText(parsed.data.tokenFile);
    const alive = processIdentity(parsed.data.pid) === parsed.data.identity;
    return token === undefined || !alive ? undefined : { runtime: parsed.data, token };
  }

  /**
   * Waits until the runtime that has the lock listens, or until the lock is free (then undefined). Throws
   * `unreachable` when neither happens in time, `cancelled`.
   */
  async waitForRunning(
    signal: AbortSignal,
    withinMs = APPEARS_WITHIN_MS,
  ): Promise<{ runtime: RuntimeFile; token: string } | undefined> {
    const both = AbortSignal.any([signal, AbortSignal.timeout(withinMs)]);
    return new Promise((done, fail) => {
      const watcher = watch(this.path);
      const end = (act: () => void): void => {
        watcher.close();
        both.removeEventListener('abort', giveUp);
        act();
      };
      const giveUp = (): void => {
        end(() => {
          fail(
            signal.aborted
              ? new VelarError('cancelled', 'Cancelled.')
              : new VelarError(
                  'unreachable',
                  `Another runtime holds ${this.path} but is not ready.`,
                  {
                    hint: `See ${this.logFile}; end that process if it hangs.`,
                  },
                ),
          );
        });
      };
      const look = (): void => {
        const found = this.running();
        const held = readText(this.lockFile);
        if (found === undefined && held !== undefined && isHeld(held)) return;
        end(() => {
          done(found);
        });
      };
      watcher.on('change', look);
      watcher.on('error', (error) => {
        end(() => {
          fail(VelarError.from(error));
        });
      });
      both.addEventListener('abort', giveUp, { once: true });
      if (both.aborted) giveUp();
      else look();
    });
  }
}

function isHeld(text: string): boolean {
  const parsed = lockSchema.safeParse(parseJson(text));
  return parsed.success && processIdentity(parsed.data.pid) === parsed.data.identity;
}

/** Replaces a file in one step, readable by its owner only. */
export function writePrivate(file: string, text: string): void {
  const temporary = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' });
    renameSync(temporary, file);
  } catch (error) {
    if (existsSync(temporary)) rmSync(temporary, { force: true });
    throw VelarError.from(error);
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isNodeError(error) && error.code === 'ENOENT') return undefined;
    throw VelarError.from(error);
  }
}

function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    // A file cut off by a crash tells as little as none.
    return undefined;
  }
}
