/** Prices per GPU-hour: the list shipped with the SDK, overridden by `prices.json` in the home. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { isNodeError, VelarError } from '../protocol/errors';

const priceFileSchema = z.object({
  /** ISO date of the list. */
  date: z.string(),
  currency: z.literal('USD'),
  /** Of a container without cards, for whoever bills them; without it they cost nothing. */
  cpuUsdPerHour: z.number().min(0).optional(),
  gpus: z.array(
    z.object({
      name: z.string(),
      /** Null where the card is known and its price is not. */
      usdPerHour: z.number().min(0).nullable(),
      /** Of a card that is there around the clock, own or rented; without it the price above is compared with. */
      dedicatedUsdPerHour: z.number().min(0).optional(),
      memoryGB: z.number().optional(),
    }),
  ),
});
export type PriceFile = z.infer<typeof priceFileSchema>;

export interface PriceTable {
  readonly date: string;
  /** Price of a container without cards for an hour, or undefined where it is not billed. */
  readonly cpuUsdPerHour: number | undefined;
  /** Price of one card for an hour, or undefined where it is unknown. */
  usdPerHour(model: string): number | undefined;
  /** Price of one card for an hour where it is paid for around the clock, or undefined. */
  dedicatedUsdPerHour(model: string): number | undefined;
}

export function priceTable(file: PriceFile): PriceTable {
  const byName = new Map(file.gpus.map((gpu) => [gpu.name.toLowerCase(), gpu]));
  const rowOf = (model: string): PriceFile['gpus'][number] | undefined =>
    byName.get(model.toLowerCase());
  return {
    date: file.date,
    cpuUsdPerHour: file.cpuUsdPerHour,
    usdPerHour: (model) => rowOf(model)?.usdPerHour ?? undefined,
    dedicatedUsdPerHour: (model) => rowOf(model)?.dedicatedUsdPerHour,
  };
}

/**
 * Reads the price list. Throws `invalid` for a list that does not fit, naming the file, and `not-found`
 * where neither exists.
 */
export async function loadPrices(home: string, pythonPackages: string): Promise<PriceTable> {
  const shipped = join(pythonPackages, 'velar', 'prices.json');
  for (const path of [join(home, 'prices.json'), shipped]) {
    const text = await readIfThere(path);
    if (text !== undefined) return priceTable(parsePrices(text, path));
  }
  throw new VelarError('not-found', `No price list at ${shipped}.`, {
    hint: 'The installation is incomplete; install Velar again.',
  });
}

function parsePrices(text: string, path: string): PriceFile {
  try {
    return priceFileSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new VelarError('invalid', `The price list ${path} can't be read.`, {
      hint: 'Correct it to {"date","currency":"USD","cpuUsdPerHour"?,"gpus":[{"name","usdPerHour","dedicatedUsdPerHour"?}]}, or remove it.',
      cause,
    });
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isNodeError(error) && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
