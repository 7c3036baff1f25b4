/** What a run costs: seconds a container was busy for it times the card's rate. Pure. */
import type { CostEvent } from '../protocol/events';
import type { PriceTable } from './prices';

export interface Usage {
  /** Time the container worked for the run (imports, model load, running), in ms. */
  busyMs: number;
  /** Model of the cards used, such as `L4`, or null on CPU. */
  gpu: string | null;
  /** Cards used at once; 0 on CPU. */
  count: number;
}

/** Billed by the millisecond: nothing is rounded up. */
export function costOf(usage: Usage, prices: PriceTable): Omit<CostEvent, 'type' | 'at'> {
  const seconds = usage.busyMs / 1000;
  const usd = usdOf(usage, prices) ?? 0;
  if (usage.gpu === null || usage.count === 0) {
    const rate = prices.cpuUsdPerHour;
    const note =
      rate === undefined
        ? 'CPU on this runtime: not billed'
        : `${rate.toFixed(2)} USD an hour a container, prices of ${prices.date}`;
    return { seconds, gpu: null, usd, note };
  }
  const gpu = usage.count === 1 ? usage.gpu : `${usage.gpu}:${usage.count}`;
  const rate = prices.usdPerHour(usage.gpu);
  const note =
    rate === undefined
      ? `no price known for ${usage.gpu}`
      : `${rate.toFixed(2)} USD an hour a card, prices of ${prices.date}`;
  return { seconds, gpu, usd, note };
}

/** What a container's hour costs, or undefined where no price is known. */
export function hourlyUsd(
  { gpu, count }: Pick<Usage, 'gpu' | 'count'>,
  prices: PriceTable,
): number | undefined {
  if (gpu === null || count === 0) return prices.cpuUsdPerHour;
  const rate = prices.usdPerHour(gpu);
  return rate === undefined ? undefined : rate * count;
}

/** What the usage costs, or undefined where no price is known. */
export function usdOf(usage: Usage, prices: PriceTable): number | undefined {
  const rate = hourlyUsd(usage, prices);
  return rate === undefined ? undefined : (usage.busyMs / 3_600_000) * rate;
}

/** Adds up usage of several calls of one run; the first card seen names the whole. */
export function addUsage(total: Usage, more: Usage): Usage {
  return {
    busyMs: total.busyMs + more.busyMs,
    gpu: total.gpu ?? more.gpu,
    count: Math.max(total.count, more.count),
  };
}
