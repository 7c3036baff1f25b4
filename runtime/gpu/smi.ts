/**
 * Reads nvidia-smi's CSV. Pure. The format is that of NVIDIA's documentation of `--query-gpu` and
 * `--query-compute-apps` with `--format=csv,noheader,nounits`: values separated by ", ", memory in MiB,
 * `[N/A]` or `[Not Supported]` where a value is missing.
 */
import type { Gpu } from '../protocol/methods';
import { modelOf } from './names';

export const GPU_QUERY = '--query-gpu=index,uuid,name,memory.total,memory.used';
export const CSV_FORMAT = '--format=csv,noheader,nounits';
const MEBIBYTE = 1024 * 1024;

/** One card of a line, or undefined for a line that is none, such as a driver's complaint. */
export function parseGpuLine(line: string): Gpu | undefined {
  const parts = line.split(',').map((part) => part.trim());
  if (parts.length < 5) return undefined;
  const [index = '', uuid = ''] = parts;
  const total = mebibytes(parts.at(-2));
  // A name with a comma in it leaves more parts in the middle.
  const name = parts.slice(2, -2).join(', ');
  if (!/^\d+$/.test(index) || !uuid.startsWith('GPU-') || total === null) return undefined;
  return {
    index: Number(index),
    uuid,
    name,
    model: modelOf(name),
    memoryTotalBytes: total,
    memoryUsedBytes: mebibytes(parts.at(-1)),
  };
}

export function parseGpus(output: string): Gpu[] {
  return output
    .split('\n')
    .map(parseGpuLine)
    .filter((gpu) => gpu !== undefined);
}

function mebibytes(text: string | undefined): number | null {
  if (text === undefined || !/^\d+(\.\d+)?$/.test(text)) return null;
  return Number(text) * MEBIBYTE;
}
