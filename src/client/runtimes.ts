/** The paired runtimes of this client. */
import { z } from 'zod';
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

/** Where the list lies: the editor's global state, or a file. */
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
    void this.entries;
    void this.tokens;
    throw new VelarError('unsupported', 'Being written.');
  }

  /** The one that runs go to when none is named; undefined means the embedded runtime. */
  async selected(): Promise<RuntimeEntry | undefined> {
    throw new VelarError('unsupported', 'Being written.');
  }

  /** By name or id; undefined selects the embedded runtime. Throws `not-found`. */
  async select(_nameOrId: string | undefined): Promise<void> {
    throw new VelarError('unsupported', 'Being written.');
  }

  /** Keeps a fresh pairing and selects it; one with the same id is replaced. Returns it under its final name. */
  async add(_entry: RuntimeEntry, _token: string): Promise<RuntimeEntry> {
    throw new VelarError('unsupported', 'Being written.');
  }

  /** Forgets it here (tell the runtime first: `device.revoke`). Throws `not-found`. */
  async remove(_nameOrId: string): Promise<void> {
    throw new VelarError('unsupported', 'Being written.');
  }

  /** Throws `not-found`, or `unauthorised` when its token is gone. */
  async address(_nameOrId: string): Promise<RuntimeAddress> {
    throw new VelarError('unsupported', 'Being written.');
  }
}
