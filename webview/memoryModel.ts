/** What the memory samples of a run say, in words and as chart data. Pure. */
import type { MemorySample } from '../runtime/protocol/events';
import type { RunRecord } from '../runtime/protocol/runRecord';
import { formatBytes } from '../runtime/protocol/figures';

const sources: Record<MemorySample['source'], string> = {
  nvml: 'NVML',
  'nvidia-smi': 'nvidia-smi',
  torch: 'PyTorch allocator',
  rss: 'resident set',
};

export interface DeviceMemory {
  device: string;
  /** `Host memory`, `GPU memory`. */
  title: string;
  nowBytes: number;
  peakBytes: number;
  totalBytes: number | null;
  /** Who measured it. */
  source: string;
}

/** The newest figures of each device, cards first. Empty when nothing was sampled. */
export function deviceMemory(record: RunRecord): DeviceMemory[] {
  const newest = new Map<string, MemorySample>();
  for (const sample of record.memory) newest.set(sample.device, sample);
  const cards = [...newest.keys()].filter((device) => device !== 'host').length;
  return [...newest.values()]
    .map((sample) => ({
      device: sample.device,
      title: deviceTitle(sample.device, cards),
      nowBytes: sample.usedBytes,
      peakBytes: Math.max(record.peakBytes[sample.device] ?? 0, sample.usedBytes),
      totalBytes: sample.totalBytes,
      source: sources[sample.source],
    }))
    .sort((a, b) => Number(a.device === 'host') - Number(b.device === 'host'));
}

function deviceTitle(device: string, cards: number): string {
  if (device === 'host') return 'Host memory';
  return cards === 1 ? 'GPU memory' : `GPU memory ${device}`;
}

/** `GPU memory 3.10 GB of 24.0 GB · peak 4.02 GB`. */
export function memoryText(memory: DeviceMemory): string {
  // The host's total is the machine's, not this run's to use, and would only mislead.
  const total =
    memory.totalBytes === null || memory.device === 'host'
      ? ''
      : ` of ${formatBytes(memory.totalBytes)}`;
  return `${memory.title} ${formatBytes(memory.nowBytes)}${total} · peak ${formatBytes(memory.peakBytes)}`;
}

/** What to say where figures are missing, or null. `gpuNote`: why the runtime sees no card. */
export function memoryNote(record: RunRecord, gpuNote: string | null): string | null {
  const devices = new Set(record.memory.map((sample) => sample.device));
  if (devices.size === 0) {
    return record.status === 'active' ? 'No memory sample yet' : 'Memory unknown: no sample taken';
  }
  if (![...devices].some((device) => device !== 'host')) {
    if (record.device === 'gpu') return 'GPU memory unknown';
    return gpuNote;
  }
  return null;
}

export interface ChartData {
  devices: string[];
  /** Seconds from the timeline's start, then one column for each device; null where it has no sample. */
  columns: [number[], ...(number | null)[][]];
  maxBytes: number;
}

/** Columns for the chart, on the timeline's axis, the devices in the order given. */
export function chartData(
  record: RunRecord,
  devices: readonly string[],
  originAt: number,
): ChartData {
  const times = record.memory.map((sample) => (sample.at - originAt) / 1000);
  const columns = devices.map((device) =>
    record.memory.map((sample) => (sample.device === device ? sample.usedBytes : null)),
  );
  return {
    devices: [...devices],
    columns: [times, ...columns],
    maxBytes: Math.max(1, ...record.memory.map((sample) => sample.usedBytes)),
  };
}
