/** Whether cards around the clock would cost less than the seconds that were billed. Pure. */
import type { Advice, UsageRow } from '../protocol/metering';
import type { PriceTable } from './prices';

const DAY_MS = 86_400_000;

/**
 * One piece of advice for each model of card that was billed in these days. `peaks`: the most cards of a model that
 * worked at once; so many are what the same calls would have needed around the clock.
 */
export function adviceFor(
  rows: readonly UsageRow[],
  days: number,
  prices: PriceTable,
  peaks: ReadonlyMap<string, number>,
): Advice[] {
  const models = new Set(rows.flatMap(({ gpu }) => (gpu === null ? [] : [gpu])));
  return [...models].flatMap((gpu) => {
    const rate = prices.dedicatedUsdPerHour(gpu) ?? prices.usdPerHour(gpu);
    const own = rows.filter((row) => row.gpu === gpu && row.usd > 0);
    if (rate === undefined || own.length === 0) return [];
    const cardMs = own.reduce((sum, row) => sum + row.ms * row.cards, 0);
    const cards = Math.max(
      ...own.map((row) => row.cards),
      peaks.get(gpu) ?? 0,
      // Of days before peaks were kept: fewer could not have done it.
      Math.ceil(cardMs / (days * DAY_MS) - 1e-9),
    );
    const billedUsd = own.reduce((sum, row) => sum + row.usd, 0);
    const utilisation = cardMs / (days * DAY_MS * cards);
    const dedicatedUsd = days * 24 * rate * cards;
    const facts = { gpu, utilisation, billedUsd, dedicatedUsd };
    return [{ ...facts, text: sentence(facts, cards, days) }];
  });
}

function sentence(
  { gpu, utilisation, billedUsd, dedicatedUsd }: Omit<Advice, 'text'>,
  cards: number,
  days: number,
): string {
  const name = cards === 1 ? gpu : `${gpu}:${cards}`;
  const span = days === 1 ? 'this day' : `these ${days} days`;
  const used = `worked ${(utilisation * 100).toFixed(utilisation < 0.1 ? 1 : 0)} % of ${span}`;
  const figures = `billed by the second ${billedUsd.toFixed(2)} USD, around the clock ${dedicatedUsd.toFixed(2)} USD`;
  const verdict =
    billedUsd <= dedicatedUsd
      ? 'by the second costs less'
      : cards === 1
        ? 'a dedicated one would have cost less'
        : 'dedicated ones would have cost less';
  return `${name} ${used}: ${figures}; ${verdict}.`;
}
