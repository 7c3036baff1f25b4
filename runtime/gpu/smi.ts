/**
 * Reads nvidia-smi's CSV. Pure. The format is that of NVIDIA's documentation of `--query-gpu` and
 * `--query-compute-apps` with `--format=csv,noheader,nounits`: values separated by ", ", memory in MiB,
 * power in W, and a text in brackets such as `[N/A]` or `[Not Supported]` where a value is missing.
 */
import type { Card } from './samples';

/** Columns before and after the name, which may have a comma in it. */
const BEFORE_NAME = ['timestamp', 'index', 'uuid'] as const;
const AFTER_NAME = [
  'memory.total',
  'memory.used',
  'utilization.gpu',
  'utilization.memory',
  'temperature.gpu',
  'power.draw',
  'power.limit',
] as const;

export const GPU_QUERY = `--query-gpu=${[...BEFORE_NAME, 'name', ...AFTER_NAME].join(',')}`;
export const APPS_QUERY = '--query-compute-apps=timestamp,gpu_uuid,pid,used_memory';
export const CSV_FORMAT = '--format=csv,noheader,nounits';
const MEBIBYTE = 1024 * 1024;

/** A line about a card; its processes are in lines of their own. */
export interface GpuLine {
  /** When nvidia-smi looked, in ms of its own clock. */
  at: number;
  card: Card;
}

/** A line about a process on a card. */
export interface AppLine {
  at: number;
  uuid: string;
  pid: number;
  usedBytes: number | null;
}

/** One card of a line, or undefined for a line that is none, such as a driver's complaint. */
export function parseGpuLine(line: string): GpuLine | undefined {
  const parts = line.split(',').map((part) => part.trim());
  if (parts.length < BEFORE_NAME.length + 1 + AFTER_NAME.length) return undefined;
  const [timestamp = '', index = '', uuid = ''] = parts;
  const [total, used, gpu, memory, temperature, power, limit] = parts.slice(-AFTER_NAME.length);
  const at = timeOf(timestamp);
  if (!/^\d+$/.test(index) || !uuid.startsWith('GPU-') || at === null) return undefined;
  return {
    at,
    card: {
      index: Number(index),
      uuid,
      name: parts.slice(BEFORE_NAME.length, -AFTER_NAME.length).join(', '),
      memoryTotalBytes: mebibytes(total),
      memoryUsedBytes: mebibytes(used),
      gpuPercent: figure(gpu),
      memoryPercent: figure(memory),
      temperatureC: figure(temperature),
      powerWatts: figure(power),
      powerLimitWatts: figure(limit),
      processes: null,
      problem: null,
    },
  };
}

export function parseCards(output: string): Card[] {
  return output
    .split('\n')
    .map((line) => parseGpuLine(line)?.card)
    .filter((card) => card !== undefined);
}

/** One process of a line, or undefined for a line that is none. */
export function parseAppLine(line: string): AppLine | undefined {
  const [timestamp = '', uuid = '', pid = '', used] = line.split(',').map((part) => part.trim());
  const at = timeOf(timestamp);
  if (at === null || !uuid.startsWith('GPU-') || !/^\d+$/.test(pid)) return undefined;
  return { at, uuid, pid: Number(pid), usedBytes: mebibytes(used) };
}

/**
 * Puts the lines of two nvidia-smi together: one that tells of cards and one that tells of processes, each
 * of which says nothing at all of a card without any.
 */
export class ProcessLines {
  private readonly seen = new Map<string, Map<number, AppLine>>();
  /** The first line about cards came at this time. */
  private since: number | undefined;

  /** `everyMs`: how often both look. */
  constructor(private readonly everyMs: number) {}

  add(line: AppLine): void {
    const card = this.seen.get(line.uuid) ?? new Map<number, AppLine>();
    card.set(line.pid, line);
    this.seen.set(line.uuid, card);
  }

  /** Processes on a card when nvidia-smi looked at it; null until there was time for them to be told. */
  at(uuid: string, at: number): Card['processes'] {
    this.since ??= at;
    const patienceMs = this.everyMs * 2.5;
    const card = this.seen.get(uuid);
    for (const [pid, line] of card ?? []) if (line.at < at - patienceMs) card?.delete(pid);
    const lines = [...(card?.values() ?? [])];
    if (lines.length === 0 && at - this.since < this.everyMs) return null;
    return lines.map(({ pid, usedBytes }) => ({ pid, usedBytes }));
  }
}

/** `2026/07/14 08:12:53.353`, in the machine's own time zone. */
function timeOf(text: string): number | null {
  if (!/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d(\.\d+)?$/.test(text)) return null;
  const time = Date.parse(text.replace(/\//g, '-').replace(' ', 'T'));
  return Number.isNaN(time) ? null : time;
}

/** A number, with or without its unit. */
function figure(text: string | undefined): number | null {
  const number = /^(\d+(?:\.\d+)?)(?: (?:MiB|W|%))?$/.exec(text ?? '')?.[1];
  return number === undefined ? null : Number(number);
}

function mebibytes(text: string | undefined): number | null {
  const number = figure(text);
  return number === null ? null : number * MEBIBYTE;
}
