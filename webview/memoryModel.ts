/** What the memory samples of a run say, in words and as chart data. Pure. */
import type { MemorySample } from '../runtime/protocol/events';
import type { RunRecord } from '../runtime/protocol/runRecord';
import { peakTexts, readingTexts } from '../runtime/protocol/cardFigures';
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
  /**
   * While the run goes on, what a card tells beside: others' memory, how busy and hot it is, nothing in
   * place of what it does not tell. Once it is over, the peak of each phase. Empty where there is nothing.
   */
  detail: string;
}

/** The newest figures of each device, cards first. Empty when nothing was sampled. */
export function deviceMemory(record: RunRecord): DeviceMemory[] {
  const newest = new Map<string, MemorySample>();
  for (const sample of record.memory) newest.set(sample.device, sample);
  const cards = [...newest.values()].filter(({ source }) => isCard(source)).length;
  return [...newest.values()]
    .map((sample) => ({
      device: sample.device,
      title: deviceTitle(sample, cards),
      nowBytes: sample.usedBytes,
      peakBytes: Math.max(record.peakBytes[sample.device] ?? 0, sample.usedBytes),
      totalBytes: sample.totalBytes,
      source: sources[sample.source],
      detail:
        record.status === 'active'
          ? cardReadings(sample).join(' · ')
          : peakTexts(record, sample.device).join(', '),
    }))
    .sort((a, b) => Number(a.device === 'host') - Number(b.device === 'host'));
}

function isCard(source: MemorySample['source']): boolean {
  return source === 'nvml' || source === 'nvidia-smi';
}

function deviceTitle({ device, source, card }: MemorySample, cards: number): string {
  if (device === 'host') return 'Host memory';
  // Beside what the driver tells, torch's count is a part of it.
  if (!isCard(source) && cards > 0) return `PyTorch ${device}`;
  const whose = card?.scope === 'card' ? 'Whole GPU' : 'GPU memory';
  return cards > 1 ? `${whose} ${device}` : whose;
}

function cardReadings({ card }: MemorySample): string[] {
  if (card === undefined) return [];
  const { othersBytes } = card;
  const others = othersBytes === null ? [] : [`others ${formatBytes(othersBytes)}`];
  return [...others, ...readingTexts(card)];
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

/** All of it in a line, for those who hear it or point at it. */
export function wholeMemoryText(memory: DeviceMemory): string {
  const { detail, source } = memory;
  return [memoryText(memory), ...(detail === '' ? [] : [detail]), `measured by ${source}`].join(
    ', ',
  );
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

export interface ChartSeries {
  device: string;
  /** `used`: what the run has. `all`: that and everybody else's, on top. `total`: the card's size. */
  kind: 'used' | 'all' | 'total';
}

export interface ChartData {
  series: ChartSeries[];
  /** Seconds from the timeline's start, then one column for each series; null where it has no sample. */
  columns: [number[], ...(number | null)[][]];
  maxBytes: number;
}

/** Columns for the chart, on the timeline's axis, the devices in the order given. */
export function chartData(
  record: RunRecord,
  devices: readonly string[],
  originAt: number,
): ChartData {
  const series = devices.flatMap((device): ChartSeries[] => {
    const samples = record.memory.filter((sample) => sample.device === device);
    const kinds: ChartSeries['kind'][] = ['used'];
    if (samples.some(({ card }) => card?.scope === 'container')) kinds.push('all');
    // The host's size is the machine's, not this run's to use.
    if (device !== 'host' && samples.some(({ totalBytes }) => totalBytes !== null))
      kinds.push('total');
    return kinds.map((kind) => ({ device, kind }));
  });
  const columns = series.map((one) => record.memory.map((sample) => valueOf(sample, one)));
  const values = columns.flat().filter((value) => value !== null);
  return {
    series,
    columns: [record.memory.map((sample) => (sample.at - originAt) / 1000), ...columns],
    maxBytes: values.reduce((max, value) => Math.max(max, value), 1),
  };
}

function valueOf(sample: MemorySample, { device, kind }: ChartSeries): number | null {
  if (sample.device !== device) return null;
  switch (kind) {
    case 'used':
      return sample.usedBytes;
    case 'all':
      return sample.card?.usedBytes ?? null;
    case 'total':
      return sample.totalBytes;
  }
}
