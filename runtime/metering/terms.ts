/** What is billed and what isn't, in sentences that stand beside the figures. Pure. */
import type { PriceTable } from './prices';

export function billingTerms(prices: PriceTable): string[] {
  const { date, cpuUsdPerHour } = prices;
  return [
    'Billed by the millisecond: imports, model loading and running, while a container works for a call, at a stop of the debugger too.',
    'Not billed: waiting in the queue, image builds, starting containers, keeping them warm or idle, what a deploy, a promotion or a rollback does to see that its version comes up, and what the platform lost.',
    `Prices of ${date}; a card without a known price costs nothing here.`,
    cpuUsdPerHour === undefined
      ? 'Containers on the CPU are not billed.'
      : `A container on the CPU costs ${cpuUsdPerHour.toFixed(2)} USD an hour.`,
  ];
}
