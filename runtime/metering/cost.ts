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
  if (usage.gpu === null || usage.count === 0) {
    return { seconds, gpu: null, usd: 0, note: 'CPU on this runtime: not billed' };
  }
  const gpu = usage.count === 1 ? usage.gpu : `${usage.gpu}:${usage.count}`;
  const rate = prices.usdPerHour(usage.gpu);
  if (rate === undefined) {
    return { seconds, gpu, usd: 0, note: `no price known for ${usage.gpu}` };
  }
  const usd = (seconds / 3600) * rate * usage.count;
  const note = `${rate.toFixed(2)} USD an hour a card, prices of ${prices.date}`;
  return { seconds, gpu, usd, note };
}

/** Adds up usage of several calls of one run; the first card seen names the whole. */
export function addUsage(total: Usage, more: Usage): Usage {
  return {
    busyMs: total.busyMs + more.busyMs,
    gpu: total.gpu ?? more.gpu,
    count: Math.max(total.count, more.count),
  };
}
