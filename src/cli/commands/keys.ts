/** `velar keys`: what lets HTTP clients call endpoints. */
import { formatTable } from '../../client/textTable';
import { confirmed } from '../confirm';
import type { CliContext } from '../context';
import { EXIT } from '../exitCodes';
import { withRuntime, type RuntimeOptions } from '../session';
import { environmentOf } from '../named';

interface Options extends RuntimeOptions {
  json: boolean;
}

export function listKeys(context: CliContext, options: Options): Promise<number> {
  return withRuntime(context, options, async (connection) => {
    const { keys } = await connection.request('key.list', {});
    const rows = keys.map(({ id, environment, name, at }) => [
      id,
      environment,
      name,
      new Date(at).toLocaleString(),
    ]);
    const text =
      rows.length === 0
        ? 'There is no key. Make one with `velar keys create staging`.'
        : formatTable(['KEY', 'ENVIRONMENT', 'NAME', 'MADE'], rows);
    await context.terminal.out(`${options.json ? JSON.stringify({ keys }) : text}\n`);
    return EXIT.done;
  });
}

export function createKey(
  context: CliContext,
  given: string,
  options: Options & { name: string },
): Promise<number> {
  const environment = environmentOf(given);
  return withRuntime(context, options, async (connection) => {
    const made = await connection.request('key.create', { environment, name: options.name });
    await context.terminal.err(
      options.json ? '' : `Send it as \`Authorization: Bearer KEY\`. It is shown this once:\n`,
    );
    await context.terminal.out(`${options.json ? JSON.stringify(made) : made.key}\n`);
    return EXIT.done;
  });
}

export function removeKey(
  context: CliContext,
  id: string,
  options: Options & { yes: boolean },
): Promise<number> {
  return withRuntime(context, options, async (connection) => {
    const question = `Remove the key ${id}? Whoever uses it is refused from then on.`;
    if (!(await confirmed(context, question, options.yes))) return EXIT.cancelled;
    await connection.request('key.remove', { id });
    await context.terminal.out(
      `${options.json ? JSON.stringify({ removed: id }) : `${id} is removed.`}\n`,
    );
    return EXIT.done;
  });
}
