/** What a run cost, in words. Pure. */
import type { CostEvent } from '../runtime/protocol/events';
import { formatMs, formatUsd } from '../runtime/protocol/figures';

/** `figure`: the sum; `note`: for what; `title`: the whole, with where the rate comes from. */
export function costText(cost: CostEvent): { figure: string; note: string; title: string } {
  const figure = formatUsd(cost.usd);
  const time = formatMs(cost.seconds * 1000);
  const note = cost.gpu === null ? (cost.note ?? `${time} on CPU`) : `${time} on ${cost.gpu}`;
  const title = [`${figure} for ${time} on ${cost.gpu ?? 'CPU'}`, cost.note ?? '']
    .filter((part) => part !== '')
    .join(' · ');
  return { figure, note, title };
}
