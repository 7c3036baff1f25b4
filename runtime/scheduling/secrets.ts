/** Secrets of a function: values that the code itself carries, and names that this runtime knows. */
import type { Environment } from '../protocol/deployments';
import type { AppDescription, FunctionOptions } from '../protocol/description';
import { VelarError } from '../protocol/errors';
import type { RunError } from '../protocol/values';
import type { SecretStore } from '../store/secrets';

/** What people see in place of a secret's value. */
export const HIDDEN = '••••';

export type FunctionSecrets = { values: Record<string, string> } | { error: RunError };

/**
 * Variables of all secrets, later ones over earlier ones. What is deployed to an environment takes the environment's
 * own secret whole where there is one: credentials of two places are never mixed. Values are never logged or stored.
 */
export function readSecrets(
  secrets: FunctionOptions['secrets'],
  store: Pick<SecretStore, 'values'>,
  environment?: Environment,
): FunctionSecrets {
  const values: Record<string, string> = {};
  for (const secret of secrets) {
    Object.assign(values, secret.values);
    if (secret.name === undefined || secret.values !== undefined) continue;
    try {
      const own = environment && store.values(secret.name, environment);
      const found = own ?? store.values(secret.name);
      if (found === undefined) return { error: missing(secret.name) };
      Object.assign(values, found);
    } catch (error) {
      return { error: unreadable(secret.name, VelarError.from(error)) };
    }
  }
  return { values };
}

/** An app as clients may see it: of secrets that its code carries, the variables only. */
export function withoutSecretValues(app: AppDescription): AppDescription {
  const hidden = ({ name, values }: FunctionOptions['secrets'][number]) => ({
    ...(name === undefined ? {} : { name }),
    ...(values === undefined
      ? {}
      : { values: Object.fromEntries(Object.keys(values).map((key) => [key, HIDDEN])) }),
  });
  const functions = app.functions.map((each) => ({
    ...each,
    options: { ...each.options, secrets: each.options.secrets.map(hidden) },
  }));
  return { ...app, functions };
}

function missing(name: string): RunError {
  return {
    kind: 'user',
    type: 'SecretNotFound',
    message: `This runtime has no secret named ${name}.`,
    traceback: [],
    hint: `Set it with \`velar secret set ${name} VARIABLE\`, which asks for the value, then run again.`,
    details: { secret: name },
  };
}

function unreadable(name: string, { message, hint }: VelarError): RunError {
  return {
    kind: 'user',
    type: 'SecretUnreadable',
    message,
    traceback: [],
    ...(hint === undefined ? {} : { hint }),
    details: { secret: name },
  };
}
