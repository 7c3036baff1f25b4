/** Figures of cards and of peak memory as people read them: the same in panel, editor and command line. Pure. */
import { formatBytes } from './figures';
import type { CardReading, GpuProcess } from './gpus';
import type { Gpu } from './methods';
import type { RunRecord } from './runRecord';

/** `87 % busy`, `61 °C`, `71 W of 72 W`: what the card tells, and nothing that it doesn't. */
export function readingTexts(reading: CardReading): string[] {
  const { gpuPercent, temperatureC } = reading;
  const texts: string[] = [];
  if (gpuPercent !== null) texts.push(`${Math.round(gpuPercent)} % busy`);
  if (temperatureC !== null) texts.push(`${Math.round(temperatureC)} °C`);
  const power = powerText(reading);
  if (power !== null) texts.push(power);
  return texts;
}

/** `71 W of 72 W`, `71 W`, or null where the card does not tell. */
export function powerText({ powerWatts, powerLimitWatts }: CardReading): string | null {
  if (powerWatts === null) return null;
  const limit = powerLimitWatts === null ? '' : ` of ${Math.round(powerLimitWatts)} W`;
  return `${Math.round(powerWatts)} W${limit}`;
}

/** `NVIDIA L4: 5.37 GB of 24.2 GB · 87 % busy · 61 °C · 71 W of 72 W`, with `unknown` for an untold memory. */
export function cardText(gpu: Gpu): string {
  const { name, memoryUsedBytes, memoryTotalBytes, live } = gpu;
  const used = memoryUsedBytes === null ? 'unknown' : formatBytes(memoryUsedBytes);
  const memory = `${used} of ${formatBytes(memoryTotalBytes)}`;
  const readings = live === undefined ? [] : readingTexts(live);
  const problem = live?.problem ?? null;
  return `${name}: ${[memory, ...readings, ...(problem === null ? [] : [problem])].join(' · ')}`;
}

/** `python (pid 4711), app shop: 4.29 GB`. */
export function processText({ pid, name, usedBytes, app }: GpuProcess): string {
  const who = app === null ? '' : `, app ${app}`;
  const used = usedBytes === null ? 'unknown' : formatBytes(usedBytes);
  return `${name ?? 'hidden process'} (pid ${pid})${who}: ${used}`;
}

/** Processes named for each card. */
const MAX_PROCESSES = 5;

/** A line for each card and for the largest processes on it, then who measured. */
export function cardsText(gpus: readonly Gpu[], source: string | undefined): string {
  const lines = gpus.flatMap((gpu) => {
    const processes = [...(gpu.live?.processes ?? [])].sort(
      (a, b) => (b.usedBytes ?? 0) - (a.usedBytes ?? 0),
    );
    return [
      cardText(gpu),
      ...processes.slice(0, MAX_PROCESSES).map((each) => `    ${processText(each)}`),
    ];
  });
  return [...lines, ...(source === undefined ? [] : [source])].join('\n');
}

/**
 * Which input of a batch held the most of a device: `412 MB for one input, work #7`. Null for a run without a
 * batch, and where nothing is known of it.
 */
function inputPeakText({ batch }: RunRecord, device: string): string | null {
  if (batch?.peaks === null) return 'unknown for one input: several ran at once';
  const peak = batch?.peaks?.find((each) => each.device === device);
  if (peak === undefined) return null;
  return `${formatBytes(peak.bytes)} for one input, ${peak.function} #${peak.index}`;
}

/**
 * The peaks of a device by phase: `4.10 GB while running, 3.90 GB in model-load`. Null where it was sampled
 * in one phase at most, so that there is nothing to tell apart.
 */
function phasePeaksText(record: RunRecord, device: string): string | null {
  const peaks = record.phases.flatMap(({ phase, peakBytes }) => {
    const bytes = peakBytes[device];
    return bytes === undefined ? [] : [{ phase, bytes }];
  });
  if (peaks.length < 2) return null;
  return peaks
    .reverse()
    .map(({ phase, bytes }) =>
      phase === 'running'
        ? `${formatBytes(bytes)} while running`
        : `${formatBytes(bytes)} in ${phase}`,
    )
    .join(', ');
}

/** What is known of a device's peak besides its height: by phase, and for one input of a batch. */
export function peakTexts(record: RunRecord, device: string): string[] {
  const texts = [phasePeaksText(record, device), inputPeakText(record, device)];
  return texts.filter((text) => text !== null);
}
