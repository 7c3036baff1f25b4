/** What held a card's memory when a function ran out of it. Pure. */
import { formatBytes, formatMs, plural } from '../protocol/figures';
import type { GpuProcess } from '../protocol/gpus';
import type { Gpu } from '../protocol/methods';
import type { RunError } from '../protocol/values';
import { cardLabel } from './cardUse';

const MAX_NAMED = 5;
const labels = { nvml: 'NVML', 'nvidia-smi': 'nvidia-smi' } as const;

/**
 * Adds what the newest samples of the container's cards say to the error, below what Python said. Other
 * errors, and cards without a sample, are left as they are. `now`: ms since the epoch.
 */
export function explainOutOfMemory(
  error: RunError,
  gpus: readonly Gpu[],
  container: string,
  now: number,
): RunError {
  if (error.kind !== 'gpu-oom') return error;
  const found = gpus.filter(
    ({ live, memoryUsedBytes }) => live !== undefined && memoryUsedBytes !== null,
  );
  if (found.length === 0) return error;
  const lines = found.map((gpu) => describe(gpu, container, now));
  return {
    ...error,
    message: [error.message, ...lines].join('\n'),
    details: { ...error.details, gpus: found },
  };
}

function describe(gpu: Gpu, container: string, now: number): string {
  const { live, memoryTotalBytes, memoryUsedBytes } = gpu;
  const used = memoryUsedBytes ?? 0;
  const free = `${formatBytes(Math.max(0, memoryTotalBytes - used))} of ${formatBytes(memoryTotalBytes)} free`;
  const who = live === undefined ? '' : ` by ${labels[live.source]}`;
  const age = formatMs(Math.max(0, now - (live?.at ?? now)));
  const head = `${cardLabel(gpu)}, measured${who} ${age} before: ${free}`;
  const processes = live?.processes ?? null;
  if (processes === null) return `${head}; ${formatBytes(used)} in use, by whom is not told.`;
  return `${[head, ...holders(processes, container)].join('; ')}.`;
}

/** This container, other containers of ours, everything else: each with its memory, those without any left out. */
function holders(processes: readonly GpuProcess[], container: string): string[] {
  const own = processes.filter((each) => each.container === container);
  const ours = processes.filter((each) => each.container !== null && each.container !== container);
  const others = processes.filter((each) => each.container === null);
  const said = [`this container held ${sum(own)}`];
  for (const id of new Set(ours.map((each) => each.container))) {
    const its = ours.filter((each) => each.container === id);
    said.push(`container ${id ?? ''} of app ${its[0]?.app ?? ''} held ${sum(its)}`);
  }
  if (others.length > 0) {
    const sorted = [...others].sort((a, b) => (b.usedBytes ?? 0) - (a.usedBytes ?? 0));
    const named = sorted
      .slice(0, MAX_NAMED)
      .map(
        ({ pid, name, usedBytes }) =>
          `${name ?? 'a hidden process'} (pid ${pid}) ${sized(usedBytes)}`,
      );
    const more = sorted.length - named.length;
    if (more > 0) named.push(`${plural(more, 'more process', 'more processes')}`);
    said.push(`other processes held ${sum(others)}: ${named.join(', ')}`);
  }
  return said;
}

function sum(processes: readonly GpuProcess[]): string {
  const known = processes.reduce((total, { usedBytes }) => total + (usedBytes ?? 0), 0);
  const unknown = processes.some(({ usedBytes }) => usedBytes === null);
  if (unknown && known === 0) return 'an unknown amount';
  return unknown ? `${formatBytes(known)} or more` : formatBytes(known);
}

function sized(usedBytes: number | null): string {
  return usedBytes === null ? 'unknown' : formatBytes(usedBytes);
}
