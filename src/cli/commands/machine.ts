/** `velar gpus` and `velar doctor`: what the runtime's machine has, and what is missing. */
import { VelarError } from '../../../runtime/protocol/errors';
import { powerText, processText } from '../../../runtime/protocol/cardFigures';
import type { Check, GpuList } from '../../../runtime/protocol/methods';
import type { CliContext } from '../context';
import { EXIT } from '../exitCodes';
import { formatBytes } from '../../../runtime/protocol/figures';
import { formatTable } from '../../client/textTable';
import { withRuntime, type RuntimeOptions } from '../session';

interface Options extends RuntimeOptions {
  json: boolean;
}

export function gpus(context: CliContext, options: Options): Promise<number> {
  return withRuntime(context, options, async (connection) => {
    const found = await connection.request('gpu.list', {});
    const text = found.gpus.length === 0 ? (found.note ?? 'No GPU.') : gpusText(found);
    await context.terminal.out(`${options.json ? JSON.stringify(found) : text}\n`);
    return EXIT.done;
  });
}

/** A table of cards, the processes on them, and who measured. What a card does not tell is `unknown`. */
export function gpusText({ gpus: cards, source }: GpuList): string {
  const table = formatTable(
    ['INDEX', 'NAME', 'ASK FOR', 'MEMORY', 'USED', 'BUSY', 'TEMP', 'POWER'],
    cards.map(({ index, name, model, memoryTotalBytes, memoryUsedBytes, live }) => [
      String(index),
      name,
      model ?? UNKNOWN,
      formatBytes(memoryTotalBytes),
      memoryUsedBytes === null ? UNKNOWN : formatBytes(memoryUsedBytes),
      known(live?.gpuPercent, ' %'),
      known(live?.temperatureC, ' °C'),
      (live === undefined ? null : powerText(live)) ?? UNKNOWN,
    ]),
  );
  const details = cards.flatMap(({ index, live }) => [
    ...(live === undefined || live.problem === null
      ? []
      : [`Card ${String(index)}: ${live.problem}`]),
    ...(live?.processes ?? []).map((each) => `Card ${String(index)}: ${processText(each)}`),
  ]);
  return [table, ...details, ...(source === undefined ? [] : [source])].join('\n');
}

const UNKNOWN = 'unknown';

function known(value: number | null | undefined, unit: string): string {
  return value === null || value === undefined ? UNKNOWN : `${String(Math.round(value))}${unit}`;
}

/** Exit code 0 when everything is well, 3 when no runtime can be reached, 4 when a check fails. */
export async function doctor(context: CliContext, options: Options): Promise<number> {
  const checks: Check[] = [nodeCheck()];
  let unreachable = false;
  try {
    await withRuntime(context, options, async (connection) => {
      checks.push({
        name: 'runtime',
        ok: true,
        detail: `${connection.runtime.name} ${connection.runtime.version} answers`,
        remedy: null,
      });
      checks.push(...(await connection.request('runtime.doctor', {})).checks);
    });
  } catch (error) {
    const { code, message, hint } = VelarError.from(error);
    if (code === 'cancelled') throw error;
    unreachable = true;
    checks.push({ name: 'runtime', ok: false, detail: message, remedy: hint ?? null });
  }
  const { terminal } = context;
  const { paint } = terminal;
  const text = checks.map(({ name, ok, detail, remedy }) => {
    const line = `${ok ? paint.green('✓') : paint.red('✗')} ${name}: ${detail}`;
    return ok || remedy === null ? line : `${line}\n  → ${remedy}`;
  });
  await terminal.out(`${options.json ? JSON.stringify({ checks }) : text.join('\n')}\n`);
  if (unreachable) return EXIT.unreachable;
  return checks.every(({ ok }) => ok) ? EXIT.done : EXIT.platform;
}

function nodeCheck(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const ok = major > 20 || (major === 20 && minor >= 19);
  return {
    name: 'node',
    ok,
    detail: `Node ${process.versions.node}`,
    remedy: ok ? null : 'Install Node 20.19 or newer.',
  };
}
