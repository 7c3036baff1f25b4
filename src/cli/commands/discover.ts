/** `velar discover`: functions in a file or folder, by reading text alone. */
import { resolve } from 'node:path';
import { discover as discoverIn } from '../../client/discover';
import { formatTable } from '../../client/textTable';
import type { ContractFunction } from '../../discovery/model';
import type { CliContext } from '../context';
import { EXIT } from '../exitCodes';

export async function discover(
  context: CliContext,
  path: string,
  { json }: { json: boolean },
): Promise<number> {
  const found = await discoverIn(resolve(context.cwd, path), context.interrupts.signal);
  await context.terminal.out(`${json ? JSON.stringify(found) : describe(found, path)}\n`);
  return EXIT.done;
}

function describe(found: readonly ContractFunction[], path: string): string {
  if (found.length === 0) return `No function for a GPU in ${path}.`;
  return formatTable(
    ['FUNCTION', 'LINE', 'KIND', 'APP', 'GPU'],
    found.map((one) => [
      `${one.file}::${one.qualname}`,
      String(one.line),
      one.kind,
      one.app ?? 'unknown',
      gpuText(one.kind === 'method' ? classOf(one, found) : one),
    ]),
  );
}

/** A method runs where its class does. */
function classOf(method: ContractFunction, found: readonly ContractFunction[]): ContractFunction {
  const name = method.qualname.slice(0, method.qualname.lastIndexOf('.'));
  return found.find((one) => one.file === method.file && one.qualname === name) ?? method;
}

function gpuText({ options, dynamicOptions }: ContractFunction): string {
  if (dynamicOptions.includes('gpu')) return 'known when run';
  const gpu = options['gpu'];
  if (gpu === undefined || gpu === null) return 'CPU';
  return [gpu]
    .flat()
    .map((one) => (typeof one === 'string' ? one : JSON.stringify(one)))
    .join(' | ');
}
