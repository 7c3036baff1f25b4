/** Secrets of a function: values that the code itself carries, and names that this runtime knows. */
import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import type { FunctionOptions } from '../protocol/description';
import { isNodeError } from '../protocol/errors';
import type { RunError } from '../protocol/values';

/** `{"name": {"VARIABLE": "value"}}`, written by the person, readable by them alone. */
const secretsFileSchema = z.record(z.string(), z.record(z.string(), z.string()));

export type SecretValues = { values: Record<string, string> } | { error: RunError };

/** Variables of all secrets, later ones over earlier ones. Values are never logged or stored. */
export async function readSecrets(
  secrets: FunctionOptions['secrets'],
  file: string,
): Promise<SecretValues> {
  const values: Record<string, string> = {};
  let known: z.infer<typeof secretsFileSchema> | undefined;
  for (const secret of secrets) {
    Object.assign(values, secret.values);
    if (secret.name === undefined || secret.values !== undefined) continue;
    try {
      known ??= secretsFileSchema.parse(JSON.parse(await readFile(file, 'utf8')));
    } catch (error) {
      if (!isNodeError(error) || error.code !== 'ENOENT') return { error: unreadable(file) };
      known = {};
    }
    const found = known[secret.name];
    if (found === undefined) return { error: missing(secret.name, file) };
    Object.assign(values, found);
  }
  return { values };
}

function missing(name: string, file: string): RunError {
  return {
    kind: 'user',
    type: 'SecretNotFound',
    message: `This runtime has no secret named ${name}.`,
    traceback: [],
    hint: `Add it to ${file} as {"${name}": {"VARIABLE": "value"}}, mode 600, then run again.`,
  };
}

function unreadable(file: string): RunError {
  return {
    kind: 'user',
    type: 'SecretsUnreadable',
    message: `The secrets in ${file} can't be read.`,
    traceback: [],
    hint: 'Correct it to {"name": {"VARIABLE": "value"}}.',
  };
}
