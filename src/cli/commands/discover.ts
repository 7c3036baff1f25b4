/** `velar discover`: functions in a file or folder, by reading text alone. */
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { isNodeError, VelarError } from '../../../runtime/protocol/errors';
import { walk } from '../../client/bundle/walk';
import { toContract, type ContractFunction } from '../../discovery/model';
import { PythonDocument } from '../../discovery/parse';
import type { CliContext } from '../context';
import { EXIT } from '../exitCodes';
import { formatTable } from '../format';

export async function discover(
  context: CliContext,
  path: string,
  { json }: { json: boolean },
): Promise<number> {
  const { root, files } = await filesOf(resolve(context.cwd, path), context.interrupts.signal);
  const found: ContractFunction[] = [];
  for (const file of files) {
    const absolute = join(root, file);
    const document = new PythonDocument(await readFile(absolute, 'utf8'), { file: absolute });
    found.push(...document.functions().map((one) => toContract(file, one)));
  }
  await context.terminal.out(`${json ? JSON.stringify(found) : describe(found, path)}\n`);
  return EXIT.done;
}

async function filesOf(
  path: string,
  signal: AbortSignal,
): Promise<{ root: string; files: string[] }> {
  try {
    if (!(await stat(path)).isDirectory()) return { root: dirname(path), files: [basename(path)] };
  } catch (error) {
    if (!isNodeError(error)) throw error;
    throw new VelarError('not-found', `There is no file or folder ${path}.`, {
      hint: 'Give a Python file or a folder that exists.',
    });
  }
  const files: string[] = [];
  for await (const batch of walk(path, { signal })) {
    files.push(...batch.files.map((file) => file.path).filter((name) => name.endsWith('.py')));
  }
  return { root: path, files: files.sort() };
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
      gpuText(one),
    ]),
  );
}

function gpuText({ options, dynamicOptions }: ContractFunction): string {
  if (dynamicOptions.includes('gpu')) return 'known when run';
  const gpu = options['gpu'];
  if (gpu === undefined || gpu === null) return 'CPU';
  return (Array.isArray(gpu) ? gpu : [gpu])
    .map((one) => (typeof one === 'string' ? one : JSON.stringify(one)))
    .join(' | ');
}
