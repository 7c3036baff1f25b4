/** Secrets: named sets of variables, encrypted on the disk, told to nobody but the functions that name them. */
import { readFileSync, rmSync } from 'node:fs';
import * as z from 'zod';
import { environmentSchema, type Environment } from '../protocol/deployments';
import { isNodeError, VelarError } from '../protocol/errors';
import { resourceNameSchema, secretValuesSchema, type SecretSummary } from '../protocol/resources';
import type { Database, Row } from './database';
import { Sealer, SealError } from './sealing';

const variablesSchema = z.array(z.string());

export type SecretValues = Record<string, string>;

export class SecretStore {
  private readonly sealer: Sealer;
  private changes = 0;

  /** @param keyFile of the home; see sealing.ts */
  constructor(
    private readonly database: Database,
    keyFile: string,
  ) {
    this.sealer = new Sealer(keyFile);
  }

  /** Counts up with each change of a secret: what was made of secrets before may be out of date. */
  get revision(): number {
    return this.changes;
  }

  /** Everything but the values, by name. */
  list(): SecretSummary[] {
    return this.database.all('SELECT * FROM secrets ORDER BY name').map(summaryOf);
  }

  /**
   * The variables of a secret, of what is deployed to an environment where that is given; undefined where there is
   * none. Throws `conflict` when it can't be decrypted.
   */
  values(name: string, environment?: Environment): SecretValues | undefined {
    const key = keyOf(name, environment);
    const row = this.row(key);
    if (row === undefined) return undefined;
    const { variables } = summaryOf(row);
    try {
      const text = this.sealer.open(String(row['sealed']), purposeOf(key, variables));
      return secretValuesSchema.parse(JSON.parse(text));
    } catch (error) {
      throw unreadable(name, environment, error);
    }
  }

  /**
   * Sets variables of a secret, made where it lacks; its others stay. On disk before it returns.
   * Throws `conflict` when what it has can't be decrypted, `disk-full`.
   */
  set(
    name: string,
    values: SecretValues,
    now = Date.now(),
    environment?: Environment,
  ): SecretSummary {
    const key = keyOf(name, environment);
    const all = { ...this.values(name, environment), ...values };
    const variables = Object.keys(all).sort();
    let sealed: string;
    try {
      sealed = this.sealer.seal(JSON.stringify(all), purposeOf(key, variables));
    } catch (error) {
      throw unreadable(name, environment, error);
    }
    this.database.run(
      'INSERT OR REPLACE INTO secrets (name, variables, sealed, updated_at) VALUES (?, ?, ?, ?)',
      [key, JSON.stringify(variables), sealed, now],
    );
    this.changes += 1;
    return { ...partsOf(key), variables, updatedAt: now };
  }

  /** Removes a secret, readable or not. Throws `not-found`. */
  remove(name: string, environment?: Environment): void {
    const key = keyOf(name, environment);
    if (this.row(key) === undefined) {
      const where = environment === undefined ? '' : ` for ${environment} alone`;
      throw new VelarError('not-found', `This runtime has no secret named ${name}${where}.`, {
        hint: '`velar secret list` lists those that it has.',
      });
    }
    this.database.run('DELETE FROM secrets WHERE name = ?', [key]);
    this.changes += 1;
  }

  private row(key: string): Row | undefined {
    return this.database.all('SELECT * FROM secrets WHERE name = ?', [key])[0];
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

/** Names a row. No name of a secret has an `@`. */
function keyOf(name: string, environment: Environment | undefined): string {
  return environment === undefined ? name : `${name}@${environment}`;
}

function partsOf(key: string): Pick<SecretSummary, 'name' | 'environment'> {
  const [name = key, environment] = key.split('@');
  return environment === undefined
    ? { name }
    : { name, environment: environmentSchema.parse(environment) };
}

/** A sealed secret opens under its own name, environment and variables only: rows can't be exchanged. */
function purposeOf(name: string, variables: readonly string[]): string {
  return JSON.stringify(['velar secret', 1, name, variables]);
}

function summaryOf(row: Row): SecretSummary {
  return {
    ...partsOf(String(row['name'])),
    variables: variablesSchema.parse(JSON.parse(String(row['variables']))),
    updatedAt: Number(row['updated_at']),
  };
}

function unreadable(
  name: string,
  environment: Environment | undefined,
  error: unknown,
): VelarError {
  const flag = environment === undefined ? '' : ` --env ${environment}`;
  if (error instanceof VelarError) return error;
  const reason = error instanceof SealError ? error.message : 'what is stored is damaged';
  return new VelarError('conflict', `Secret ${name} can't be decrypted: ${reason}.`, {
    hint:
      'Put the key file back where you have a copy. Else remove the key file where it is damaged, ' +
      `then \`velar secret remove ${name}${flag}\` and \`velar secret set ${name} VARIABLE${flag}\`.`,
    details: { secret: name },
  });
}
