/** What a sampler tells of cards, before it is known whose processes they are. */
import * as z from 'zod';
import { cardReadingSchema, type GpuSource } from '../protocol/gpus';
import type { Gpu } from '../protocol/methods';
import { modelOf } from './names';

const bytes = z.number().nullable();

export const cardSchema = cardReadingSchema.extend({
  index: z.number().int(),
  uuid: z.string(),
  name: z.string(),
  memoryTotalBytes: bytes,
  memoryUsedBytes: bytes,
  /** Null where the driver doesn't tell processes apart, or not to us. */
  processes: z.array(z.object({ pid: z.number().int(), usedBytes: bytes })).nullable(),
  problem: z.string().nullable(),
});
/** One card at one moment. */
export type Card = z.infer<typeof cardSchema>;

/** Cards sampled together; not all need be among them. */
export interface GpuSample {
  /** ms since the epoch. */
  at: number;
  source: GpuSource;
  cards: Card[];
}

/** The cards that can be used: those whose memory is known. */
export function gpusOf(cards: readonly Card[]): Gpu[] {
  return cards.flatMap(({ index, uuid, name, memoryTotalBytes, memoryUsedBytes }) =>
    memoryTotalBytes === null
      ? []
      : [{ index, uuid, name, model: modelOf(name), memoryTotalBytes, memoryUsedBytes }],
  );
}

/** A sampler at work. */
export interface SampleSource {
  readonly kind: GpuSource;
  /** Samples so often from now on; null: not until asked. */
  every(intervalMs: number | null): void;
  /** A sample soon, whatever the interval is. */
  once(): void;
  /** Resolves when no process of it is left. */
  stop(): Promise<void>;
}

export interface SampleListener {
  sample(sample: GpuSample): void;
  /** It can't go on, for this reason; no sample follows. Not called after `stop`. */
  failed(reason: string): void;
}

/** Starts a sampler. Rejects when it can't start. */
export type SourceStart = (listener: SampleListener) => Promise<SampleSource>;
