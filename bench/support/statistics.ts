/** Figures from samples. */

/** The value below which `share` (0 to 1) of the samples lie. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const index = Math.min(sorted.length - 1, Math.floor(share * sorted.length));
  return sorted[index] ?? Number.NaN;
}

export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5);
}

/** Durations in ms of `count` calls one after another. */
export async function timeEach(
  count: number,
  call: (index: number) => Promise<void> | void,
): Promise<number[]> {
  const samples: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const started = performance.now();
    await call(index);
    samples.push(performance.now() - started);
  }
  return samples;
}

export interface Figure {
  bench: string;
  value: number;
  unit: string;
  floor: number | null;
  ratio: number | null;
}

/** A figure with its ratio to the floor, both rounded to three significant places or more. */
export function figure(bench: string, value: number, unit: string, floor: number | null): Figure {
  const round = (number: number): number => Number(number.toPrecision(4));
  return {
    bench,
    value: round(value),
    unit,
    floor: floor === null ? null : round(floor),
    ratio: floor === null ? null : round(value / floor),
  };
}
