/** The paired runtimes of this client. */
import * as z from 'zod';
import { VelarError } from '../../runtime/protocol/errors';
import type { RuntimeAddress } from './api';

export const runtimeEntrySchema = z.object({
  /** The runtime's own id. */
  id: z.string(),
  /** Unique in the list; what `--runtime NAME` takes. */
  name: z.string(),
  url: z.string(),
  fingerprint: z.string().optional(),
  /** Our id on the runtime. */
  device: z.string(),
  /** ms since the epoch. */
  pairedAt: z.number(),
});
export type RuntimeEntry = z.infer<typeof runtimeEntrySchema>;

const storedSchema = z.object({
  selected: z.string().nullable(),
  runtimes: z.array(runtimeEntrySchema),
});
type Stored = z.infer<typeof storedSchema>;

/** Name by which the embedded runtime is chosen; no paired one is called so. */
export const EMBEDDED_NAME = 'local';

/** Where the list lies: the editor's global state, or a file. `read` gives undefined when there is none. */
export interface EntryStorage {
  read(): Promise<unknown>;
  write(value: unknown): Promise<void>;
}

/** Where tokens lie: SecretStorage in the editor, a 0600 file for the command line. Keyed by runtime id. */
export interface TokenStorage {
  get(runtime: string): Promise<string | undefined>;
  set(runtime: string, token: string): Promise<void>;
  delete(runtime: string): Promise<void>;
}

export class RuntimeList {
  constructor(
    private readonly entries: EntryStorage,
    private readonly tokens: TokenStorage,
  ) {}

  async list(): Promise<RuntimeEntry[]> {
    return (await this.read()).runtimes;
  }

  /** The one that runs go to when none is named; undefined means the embedded runtime. */
  async selected(): Promise<RuntimeEntry | undefined> {
    const { selected, runtimes } = await this.read();
    return runtimes.find(({ id }) => id === selected);
  }

  /** By name or id. Throws `not-found` with the names there are. */
  async find(nameOrId: string): Promise<RuntimeEntry> {
    return pick(await this.read(), nameOrId);
  }

  /** By name or id; undefined selects the embedded runtime. Throws `not-found`. */
  async select(nameOrId: string | undefined): Promise<void> {
    const stored = await this.read();
    const selected = nameOrId === undefined ? null : pick(stored, nameOrId).id;
    await this.entries.write({ ...stored, selected });
  }

  /** Keeps a fresh pairing and selects it; one with the same id is replaced. Returns it under its final name. */
  async add(entry: RuntimeEntry, token: string): Promise<RuntimeEntry> {
    const stored = await this.read();
    const others = stored.runtimes.filter(({ id }) => id !== entry.id);
    const named = { ...entry, name: freeName(entry.name, others) };
    await this.tokens.set(entry.id, token);
    await this.entries.write({ selected: entry.id, runtimes: [...others, named] });
    return named;
  }

  /** Forgets it here (tell the runtime first: `device.revoke`). Throws `not-found`. */
  async remove(nameOrId: string): Promise<void> {
    const stored = await this.read();
    const { id } = pick(stored, nameOrId);
    await this.entries.write({
      selected: stored.selected === id ? null : stored.selected,
      runtimes: stored.runtimes.filter((entry) => entry.id !== id),
    });
    await this.tokens.delete(id);
  }

  /** Throws `not-found`, or `unauthorised` when its token is gone. */
  async address(nameOrId: string): Promise<RuntimeAddress> {
    const entry = await this.find(nameOrId);
    const token = await this.tokens.get(entry.id);
    if (token === undefined) {
      throw new VelarError('unauthorised', `The token for ${entry.name} is gone.`, {
        hint: 'Pair it again.',
      });
    }
    return {
      url: entry.url,
      token,
      ...(entry.fingerprint === undefined ? {} : { fingerprint: entry.fingerprint }),
    };
  }

  private async read(): Promise<Stored> {
    const value = await this.entries.read();
    if (value === undefined) return { selected: null, runtimes: [] };
    const stored = storedSchema.safeParse(value);
    if (stored.success) return stored.data;
    throw new VelarError('internal', 'The list of paired runtimes is damaged.', {
      hint: 'Remove it and pair again.',
      cause: stored.error,
    });
  }
}

function pick(stored: Stored, nameOrId: string): RuntimeEntry {
  const found =
    stored.runtimes.find(({ name }) => name === nameOrId) ??
    stored.runtimes.find(({ id }) => id === nameOrId);
  if (found !== undefined) return found;
  const names = stored.runtimes.map(({ name }) => name).join(', ');
  throw new VelarError('not-found', `No paired runtime is called ${JSON.stringify(nameOrId)}.`, {
    hint: names === '' ? 'Pair one first: `velar pair ADDRESS`.' : `There are: ${names}.`,
  });
}

/** The name, with a number behind it where it is taken. */
function freeName(wanted: string, others: readonly RuntimeEntry[]): string {
  const taken = new Set([EMBEDDED_NAME, ...others.map(({ name }) => name)]);
  let name = wanted;
  for (let number = 2; taken.has(name); number += 1) name = `${wanted}-${String(number)}`;
  return name;
}
