/** Recorded output of real cards (see recorded/README.md) in the order that Velar asks for. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { APPS_QUERY, GPU_QUERY } from '../../../runtime/gpu/smi';

const FOLDER = join(process.cwd(), 'test', 'runtime', 'gpu', 'recorded');

/** Lines as nvidia-smi would have answered our query about cards. */
export function recordedCards(file: string): string[] {
  return project(file, GPU_QUERY);
}

/** Lines as nvidia-smi would have answered our query about processes. */
export function recordedProcesses(file: string): string[] {
  return project(file, APPS_QUERY);
}

function project(file: string, query: string): string[] {
  const [header = '', ...rows] = readFileSync(join(FOLDER, file), 'utf8').trim().split('\n');
  const names = header.split(', ').map((name) => name.replace(/ \[.*\]$/, ''));
  const wanted = query.slice(query.indexOf('=') + 1).split(',');
  return rows.map((row, order) => {
    const values = row.split(', ');
    const recorded = new Map(names.map((name, column) => [name, values[column] ?? '']));
    // nvidia-smi's older name for the same value.
    recorded.set('used_memory', recorded.get('used_gpu_memory') ?? '[N/A]');
    const missing: Record<string, string> = {
      timestamp: '2024/01/01 00:00:00.000',
      index: String(order),
      uuid: `GPU-not-recorded-${order}`,
    };
    return wanted.map((name) => recorded.get(name) ?? missing[name] ?? '[N/A]').join(', ');
  });
}
