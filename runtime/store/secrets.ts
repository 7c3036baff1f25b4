/** Secrets: named sets of variables, encrypted on the disk, told to nobody but the functions that name them. */
import { readFileSync, rmSync } from 'node:fs';
import * as z from 'zod';
import { isNodeError, VelarError } from '../protocol/errors';
import { resourceNameSchema, secretValuesSchema, type SecretSummary } from '../protocol/resources';
import type { Database, Row } from './database';
import { Sealer, SealError } from './sealing';

const variablesSchema = z.array(z.string());

export type SecretValues = Record<string, string>;

export class SecretStore {
  private readonly sealer: Sealer;

  /** @param keyFile of the home; see sealing.ts */
  constructor(
    private readonly database: Database,
    keyFile: string,
  ) {
    this.sealer = new Sealer(keyFile);
  }

  /** Everything but the values, by name. */
  list(): SecretSummary[] {
    return this.database.all('SELECT * FROM secrets ORDER BY name').map(summaryOf);
  }

  /** The variables of a secret; undefined where there is none. Throws `conflict` when it can't be decrypted. */
  values(name: string): SecretValues | undefined {
    const row = this.row(name);
    if (row === undefined) return undefined;
    const { variables } = summaryOf(row);
    try {
      const text = this.sealer.open(String(row['sealed']), purposeOf(name, variables));
      return secretValuesSchema.parse(JSON.parse(text));
    } catch (error) {
      throw unreadable(name, error);
    }
  }

  /**
   * Sets variables of a secret, made where it lacks; its others stay. On disk before it returns.
   * Throws `conflict` when what it has can't be decrypted, `disk-full`.
   */
  set(name: string, values: SecretValues, now = Date.now()): SecretSummary {
    const all = { ...this.values(name), ...values };
    const variables = Object.keys(all).sort();
    let sealed: string;
    try {
      sealed = this.sealer.seal(JSON.stringify(all), purposeOf(name, variables));
    } catch (error) {
      throw unreadable(name, error);
    }
    this.database.run(
      'INSERT OR REPLACE INTO secrets (name, variables, sealed, updated_at) VALUES (?, ?, ?, ?)',
      [name, JSON.stringify(variables), sealed, now],
    );
    return { name, variables, updatedAt: now };
  }

  /** Removes a secret, readable or not. Throws `not-found`. */
  remove(name: string): void {
    if (this.row(name) === undefined) {
      throw new VelarError('not-found', `This runtime has no secret named ${name}.`, {
        hint: '`velar secret list` lists those that it has.',
      });
    }
    this.database.run('DELETE FROM secrets WHERE name = ?', [name]);
  }

  private row(name: string): Row | undefined {
    return this.database.all('SELECT * FROM secrets WHERE name = ?', [name])[0];
  }
}

/** What became of a file of plain secrets, as earlier versions had it. */
export type SecretsImport = { names: string[] } | { problem: string };

const plainFileSchema = z.record(resourceNameSchema, secretValuesSchema);

/** Takes the secrets of a plain file over and removes it; undefined where there is none. A bad file stays. */
export function importPlainSecrets(store: SecretStore, file: string): SecretsImport | undefined {
  try {
    const found = plainFileSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    for (const [name, values] of Object.entries(found)) store.set(name, values);
    rmSync(file);
    return { names: Object.keys(found) };
  } catch (error) {
    if (isNodeError(error) && error.code === 'ENOENT') return undefined;
    // What a parser quotes of the file may be a value.
    const reason =
      error instanceof VelarError
        ? error.message
        : 'It is not of the form {"name": {"VARIABLE": "value"}}.';
    return { problem: `The secrets in ${file} were not taken over. ${reason}` };
  }
}

/** A sealed secret opens under its own name and variables only: rows can't be exchanged. */
function purposeOf(name: string, variables: readonly string[]): string {
  return JSON.stringify(['velar secret', 1, name, variables]);
}

function summaryOf(row: Row): SecretSummary {
  return {
    name: String(row['name']),
    variables: variablesSchema.parse(JSON.parse(String(row['variables']))),
    updatedAt: Number(row['updated_at']),
  };
}

function unreadable(name: string, error: unknown): VelarError {
  if (error instanceof VelarError) return error;
  const reason = error instanceof SealError ? error.message : 'what is stored is damaged';
  return new VelarError('conflict', `Secret ${name} can't be decrypted: ${reason}.`, {
    hint:
      'Put the key file back where you have a copy. Else remove the key file where it is damaged, ' +
      `then \`velar secret remove ${name}\` and \`velar secret set ${name} VARIABLE\`.`,
    details: { secret: name },
  });
}
