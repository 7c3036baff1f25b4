/** `velar storage`: what lies on the runtime's disk, and its removal. */
import { formatBytes } from '../../../runtime/protocol/figures';
import { storageKindSchema } from '../../../runtime/protocol/resources';
import { VelarError } from '../../../runtime/protocol/errors';
import { freedText, lastUsedText } from '../../client/storage';
import { formatTable } from '../../client/textTable';
import { confirmed } from '../confirm';
import type { CliContext } from '../context';
import { EXIT } from '../exitCodes';
import { withRuntime, type RuntimeOptions } from '../session';

interface Options extends RuntimeOptions {
  json: boolean;
}

export function listStorage(context: CliContext, options: Options): Promise<number> {
  return withRuntime(context, options, async (connection) => {
    const { items } = await connection.request('storage.list', {});
    const table = formatTable(
      ['KIND', 'NAME', 'SIZE', 'LAST USED', 'WHAT'],
      items.map((item) => [
        item.kind,
        item.name,
        formatBytes(item.bytes),
        lastUsedText(item),
        item.label,
      ]),
    );
    await context.terminal.out(`${options.json ? JSON.stringify({ items }) : table}\n`);
    return EXIT.done;
  });
}

export function removeStorage(
  context: CliContext,
  given: string,
  name: string,
  options: Options & { yes: boolean },
): Promise<number> {
  const kind = storageKindSchema.safeParse(given);
  if (!kind.success) {
    throw new VelarError('invalid', `${JSON.stringify(given)} is no kind of storage.`, {
      hint: `Choose one of ${storageKindSchema.options.join(', ')}.`,
    });
  }
  return withRuntime(context, options, async (connection) => {
    const question = `Remove ${kind.data} ${name}? What it holds is gone for good.`;
    if (!(await confirmed(context, question, options.yes))) return EXIT.cancelled;
    const { bytes } = await connection.request('storage.remove', { kind: kind.data, name });
    await sayFreed(context, options, bytes);
    return EXIT.done;
  });
}

/** Removes what is over the limits; asks nobody, as the runtime asks nobody when it does so by itself. */
export function pruneStorage(context: CliContext, options: Options): Promise<number> {
  return withRuntime(context, options, async (connection) => {
    const { bytes } = await connection.request('storage.prune', {});
    await sayFreed(context, options, bytes);
    return EXIT.done;
  });
}

async function sayFreed({ terminal }: CliContext, { json }: Options, bytes: number): Promise<void> {
  await terminal.out(`${json ? JSON.stringify({ freedBytes: bytes }) : freedText(bytes)}\n`);
}
