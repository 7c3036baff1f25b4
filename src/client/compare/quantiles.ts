/** Quantiles of measured values. Pure. */

/**
 * The value that a part of the values does not exceed, by the nearest rank: always one that was measured.
 * `part` is over 0 and at most 1. Null where there are no values.
 */
export function quantile(values: readonly number[], part: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  // Rounded first: 0.95 × 20 is a little more than 19 in binary.
  const rank = Math.ceil(Number((part * sorted.length).toFixed(9)));
  return sorted[Math.max(0, rank - 1)] ?? null;
}
