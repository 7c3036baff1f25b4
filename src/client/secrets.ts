/** What a secret may be called and hold, checked before anything goes to a runtime. Pure. */
import type * as z from 'zod';
import {
  isLongEnoughToHide,
  resourceNameSchema,
  secretValuesSchema,
  SHORTEST_HIDDEN,
  type SecretSummary,
} from '../../runtime/protocol/resources';

export interface SecretProblem {
  /** The variable that it is about; undefined: the secret as a whole. */
  readonly variable: string | undefined;
  /** The rule that was broken; never a value. */
  readonly message: string;
}

/** What is wrong with a secret's name; undefined: nothing. */
export function secretNameProblem(name: string): string | undefined {
  return problemOf(resourceNameSchema.safeParse(name))?.message;
}

/** What is wrong with variables and values; undefined: nothing. */
export function secretValuesProblem(
  values: Readonly<Record<string, string>>,
): SecretProblem | undefined {
  return problemOf(secretValuesSchema.safeParse(values));
}

/** What is said of a secret that was set. */
export function secretSetText({ name, variables, environment }: SecretSummary): string {
  const has = `has ${variables.join(', ')}`;
  return environment === undefined
    ? `${name} ${has}. The next run sees it.`
    : `${name} ${has} in ${environment}, and nothing else there. The next call of what is deployed sees it.`;
}

/** Warns of values too short to be hidden in what runs print and tell; undefined where all are. Names no value. */
export function shortSecretsText(values: Readonly<Record<string, string>>): string | undefined {
  const short = Object.entries(values)
    .filter(([, value]) => value !== '' && !value.split(/\r?\n/).some(isLongEnoughToHide))
    .map(([variable]) => variable);
  if (short.length === 0) return undefined;
  const are = short.length === 1 ? 'is' : 'are';
  return `${short.join(', ')} ${are} shorter than ${SHORTEST_HIDDEN} characters, so logs, results and errors show it as it is: choose a longer value, or never print it.`;
}

function problemOf(
  result: { success: true } | { success: false; error: z.ZodError },
): SecretProblem | undefined {
  if (result.success) return undefined;
  const issue = result.error.issues[0];
  const inner = issue?.code === 'invalid_key' ? issue.issues[0] : issue;
  const variable = issue === undefined || issue.path.length === 0 ? undefined : issue.path[0];
  return {
    variable: variable === undefined ? undefined : String(variable),
    message: inner?.message ?? 'not allowed.',
  };
}
