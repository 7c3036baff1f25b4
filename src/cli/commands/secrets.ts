/** `velar secret`: sets, lists and removes the secrets of a runtime. Values are never printed. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Environment } from '../../../runtime/protocol/deployments';
import { isNodeError, VelarError } from '../../../runtime/protocol/errors';
import {
  secretNameProblem,
  secretSetText,
  secretValuesProblem,
  shortSecretsText,
} from '../../client/secrets';
import { formatTable } from '../../client/textTable';
import type { CliContext } from '../context';
import { confirmed } from '../confirm';
import { parseDotenv } from '../dotenv';
import { EXIT } from '../exitCodes';
import { withRuntime, type RuntimeOptions } from '../session';

interface Options extends RuntimeOptions {
  json: boolean;
  /** Where what it is for is deployed; without it, for everything that has no secret of its own. */
  env?: Environment;
}

/** `given`: `KEY=VALUE`, or `KEY` for a value that is asked for or read from a pipe. */
export async function setSecret(
  context: CliContext,
  name: string,
  given: readonly string[],
  options: Options & { fromFile?: string },
): Promise<number> {
  const values = {
    ...(options.fromFile === undefined ? {} : await readValues(context, options.fromFile)),
    ...(await givenValues(context, name, given)),
  };
  checkName(name);
  const problem = secretValuesProblem(values);
  if (problem !== undefined) throw notAllowed(problem.variable ?? name, problem.message);
  return withRuntime(context, options, async (connection) => {
    const { secret } = await connection.request('secrets.set', {
      name,
      values,
      environment: options.env,
    });
    const text = options.json ? JSON.stringify({ secret }) : secretSetText(secret);
    await context.terminal.out(`${text}\n`);
    const short = shortSecretsText(values);
    if (short !== undefined) await context.terminal.err(`${short}\n`);
    return EXIT.done;
  });
}

export function listSecrets(context: CliContext, options: Options): Promise<number> {
  return withRuntime(context, options, async (connection) => {
    const { secrets } = await connection.request('secrets.list', {});
    const rows = secrets.map(({ name, variables, environment, updatedAt }) => [
      name,
      variables.join(' '),
      environment ?? '(all others)',
      new Date(updatedAt).toLocaleString(),
    ]);
    const table = formatTable(['NAME', 'VARIABLES', 'ENVIRONMENT', 'SET'], rows);
    const text = rows.length === 0 ? 'This runtime has no secrets.' : table;
    await context.terminal.out(`${options.json ? JSON.stringify({ secrets }) : text}\n`);
    return EXIT.done;
  });
}

export function removeSecret(
  context: CliContext,
  name: string,
  options: Options & { yes: boolean },
): Promise<number> {
  checkName(name);
  return withRuntime(context, options, async (connection) => {
    const question =
      options.env === undefined
        ? `Remove secret ${name}? Functions that name it fail from then on.`
        : `Remove secret ${name} of ${options.env}? What is deployed there takes the one without environment from then on.`;
    if (!(await confirmed(context, question, options.yes))) return EXIT.cancelled;
    await connection.request('secrets.remove', { name, environment: options.env });
    const text = `Removed ${name}.`;
    await context.terminal.out(`${options.json ? JSON.stringify({ removed: name }) : text}\n`);
    return EXIT.done;
  });
}

async function givenValues(
  { terminal, interrupts }: CliContext,
  secret: string,
  given: readonly string[],
): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  const asked = given.filter((each) => !each.includes('='));
  if (asked.length > 1 && terminal.piped) {
    throw new VelarError('invalid', 'A pipe holds the value of one variable only.', {
      hint: 'Name one variable, or give the others as NAME=VALUE or with --from-file.',
    });
  }
  for (const each of given) {
    const at = each.indexOf('=');
    if (at === -1) {
      values[each] = await terminal.secret(`${secret} ${each}: `, interrupts.signal);
      if (values[each] === '') {
        throw new VelarError('invalid', `No value came for ${each}.`, {
          hint: `Type it when asked, or pipe it in. For an empty one write ${each}=.`,
        });
      }
    } else values[each.slice(0, at)] = each.slice(at + 1);
  }
  return values;
}

async function readValues({ cwd }: CliContext, file: string): Promise<Record<string, string>> {
  try {
    return parseDotenv(await readFile(resolve(cwd, file), 'utf8'));
  } catch (error) {
    if (!isNodeError(error)) throw error;
    throw new VelarError('invalid', `${file} can't be read: ${error.message}.`, {
      hint: 'Give the path of a file of NAME=VALUE lines.',
    });
  }
}

/** Throws `invalid` with the rule that was broken. */
function checkName(name: string): void {
  const problem = secretNameProblem(name);
  if (problem !== undefined) throw notAllowed(name, problem);
}

function notAllowed(what: string, rule: string): VelarError {
  return new VelarError('invalid', `${what}: ${rule}`, {
    hint: 'For example: velar secret set hf HF_TOKEN',
  });
}
