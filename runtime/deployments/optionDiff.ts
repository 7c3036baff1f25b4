/** What changes in the options of a function, in the units that people think in. Pure. */
import { formatUsd } from '../protocol/figures';
import type { DeployedFunction } from '../protocol/deployments';

type Options = DeployedFunction['options'];
/** Dollars of an hour in a container of the function, undefined where no price is known. */
export type Hourly = (fn: DeployedFunction) => number | undefined;

/** Options that are told as `name before → after`, the way they are written in Python. */
const PLAIN: { name: string; of: (options: Options) => string }[] = [
  { name: 'timeout', of: ({ timeoutMs }) => seconds(timeoutMs) },
  { name: 'startup_timeout', of: ({ startupTimeoutMs }) => seconds(startupTimeoutMs) },
  { name: 'retries', of: ({ retries }) => String(retries) },
  { name: 'min_containers', of: ({ minContainers }) => String(minContainers) },
  { name: 'max_containers', of: ({ maxContainers }) => String(maxContainers ?? 'no limit') },
  { name: 'buffer_containers', of: ({ bufferContainers }) => String(bufferContainers) },
  { name: 'scaledown_window', of: ({ scaledownWindowMs }) => seconds(scaledownWindowMs) },
  {
    name: 'max_concurrent_inputs',
    of: ({ maxConcurrentInputs }) => String(maxConcurrentInputs),
  },
  { name: 'cpu', of: ({ cpu }) => (cpu === null ? 'not set' : `${cpu} cores`) },
  {
    name: 'memory',
    of: ({ memoryMiB }) => (memoryMiB === null ? 'not set' : `${memoryMiB} MiB`),
  },
  { name: 'cache_models', of: ({ cacheModels }) => (cacheModels ? 'on' : 'off') },
];

/** Each change, a phrase. Of environment variables names only: a value may be one that is to stay hidden. */
export function optionChanges(was: DeployedFunction, is: DeployedFunction): string[] {
  const [before, after] = [was.options, is.options];
  return [
    ...PLAIN.flatMap(({ name, of }) => changed(name, of(before), of(after))),
    ...namedChanges('environment variable', before.env, after.env),
    ...listChanges('secret', before.secrets, after.secrets),
    ...listChanges('volume', mounts(before), mounts(after)),
  ];
}

/** The GPU, and what an hour costs while a container is warm. */
export function cardChanges(was: DeployedFunction, is: DeployedFunction, hourly: Hourly): string[] {
  return [
    ...changed('GPU', gpuText(was), gpuText(is)),
    ...changed('cost', rateText(was, hourly), rateText(is, hourly), ' while warm'),
    ...changed('kept warm at', keptText(was, hourly), keptText(is, hourly), ' at all times'),
  ];
}

export function gpuText({ options: { gpu } }: DeployedFunction): string {
  if (gpu.length === 0) return 'CPU';
  return gpu.map(({ name, count }) => (count === 1 ? name : `${name}:${count}`)).join(' or ');
}

/** `$0.59/h`. */
export function rateText(fn: DeployedFunction, hourly: Hourly): string {
  return perHour(fn, hourly(fn));
}

export function changed(what: string, before: string, after: string, behind = ''): string[] {
  return before === after ? [] : [`${what} ${before} → ${after}${behind}`];
}

/** What comes, goes and has another value, by name. */
export function namedChanges(
  what: string,
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name) => {
    if (!Object.hasOwn(before, name)) return [`+ ${what} ${name}`];
    if (!Object.hasOwn(after, name)) return [`− ${what} ${name}`];
    return before[name] === after[name] ? [] : [`${what} ${name} has another value`];
  });
}

export function listChanges(
  what: string,
  before: readonly string[],
  after: readonly string[],
): string[] {
  return [
    ...after.filter((name) => !before.includes(name)).map((name) => `+ ${what} ${name}`),
    ...before.filter((name) => !after.includes(name)).map((name) => `− ${what} ${name}`),
  ];
}

/** What is paid though nobody calls; the empty case says so, too. */
function keptText(fn: DeployedFunction, hourly: Hourly): string {
  const { minContainers } = fn.options;
  if (minContainers === 0) return '$0/h';
  const usd = hourly(fn);
  return perHour(fn, usd === undefined ? undefined : usd * minContainers);
}

function perHour({ options: { gpu } }: DeployedFunction, usd: number | undefined): string {
  if (usd === undefined) return gpu.length === 0 ? 'not billed' : 'unknown';
  return `${usd >= 0.01 ? `$${usd.toFixed(2)}` : formatUsd(usd)}/h`;
}

function seconds(ms: number | null): string {
  return ms === null ? 'not set' : `${ms / 1000} s`;
}

function mounts({ volumes }: Options): string[] {
  return Object.entries(volumes).map(([path, name]) => `${name} at ${path}`);
}
