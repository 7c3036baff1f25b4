/** The command line's list of runtimes and its tokens: files under VELAR_HOME, for their owner only. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { isNodeError, VelarError } from '../../runtime/protocol/errors';
import { RuntimeList, type EntryStorage, type TokenStorage } from '../client/runtimes';

/** Paired runtimes of the command line. */
export function runtimeList(home: string): RuntimeList {
  return new RuntimeList(
    new FileEntries(home, join(home, 'runtimes.json')),
    new FileTokens(home, join(home, 'tokens.json')),
  );
}

class FileEntries implements EntryStorage {
  constructor(
    private readonly home: string,
    private readonly file: string,
  ) {}

  read(): Promise<unknown> {
    return readJson(this.file);
  }

  write(value: unknown): Promise<void> {
    return writeJson(this.home, this.file, value);
  }
}

const tokensSchema = z.record(z.string(), z.string());

class FileTokens implements TokenStorage {
  constructor(
    private readonly home: string,
    private readonly file: string,
  ) {}

  async get(runtime: string): Promise<string | undefined> {
    return (await this.read())[runtime];
  }

  async set(runtime: string, token: string): Promise<void> {
    await writeJson(this.home, this.file, { ...(await this.read()), [runtime]: token });
  }

  async delete(runtime: string): Promise<void> {
    const { [runtime]: _removed, ...rest } = await this.read();
    await writeJson(this.home, this.file, rest);
  }

  private async read(): Promise<Record<string, string>> {
    const tokens = tokensSchema.safeParse((await readJson(this.file)) ?? {});
    if (tokens.success) return tokens.data;
    throw damaged(this.file, tokens.error);
  }
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (isNodeError(error) && error.code === 'ENOENT') return undefined;
    throw damaged(file, error);
  }
}

/** In one step, so that a crash leaves the old file or the new one. */
async function writeJson(home: string, file: string, value: unknown): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  const temporary = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw VelarError.from(error);
  }
}

function damaged(file: string, cause: unknown): VelarError {
  return new VelarError('internal', `${file} can't be read.`, {
    hint: 'Repair or remove it, then pair again.',
    cause,
  });
}
