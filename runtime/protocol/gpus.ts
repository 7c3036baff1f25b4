/** What cards tell, as clients see it. A value that a card, its driver or its system does not tell is null. */
import * as z from 'zod';

/** Who measures cards: NVIDIA's library in a process of the runtime, or NVIDIA's program. */
export const gpuSourceSchema = z.enum(['nvml', 'nvidia-smi']);
export type GpuSource = z.infer<typeof gpuSourceSchema>;

/** How busy and how hot a card is. */
export const cardReadingSchema = z.object({
  /** Part of the time in which something ran on it, 0 to 100. */
  gpuPercent: z.number().nullable(),
  /** Part of the time in which its memory was read or written, 0 to 100. */
  memoryPercent: z.number().nullable(),
  temperatureC: z.number().nullable(),
  powerWatts: z.number().nullable(),
  powerLimitWatts: z.number().nullable(),
});
export type CardReading = z.infer<typeof cardReadingSchema>;

/** A process with memory on a card. */
export const gpuProcessSchema = z.object({
  /** On the runtime's machine. */
  pid: z.number().int(),
  /** Such as `python3`; null for one that the runtime can't see. */
  name: z.string().nullable(),
  usedBytes: z.number().nullable(),
  /** The container it runs in, and that container's app; null for one that is none of the runtime's. */
  container: z.string().nullable(),
  app: z.string().nullable(),
});
export type GpuProcess = z.infer<typeof gpuProcessSchema>;

/** The newest sample of a card. */
export const gpuLiveSchema = cardReadingSchema.extend({
  /** ms since the epoch. */
  at: z.number(),
  source: gpuSourceSchema,
  /** Null where the driver does not tell processes apart. */
  processes: z.array(gpuProcessSchema).nullable(),
  /** What is wrong with the card, such as that it is lost; null when nothing is. */
  problem: z.string().nullable(),
});
export type GpuLive = z.infer<typeof gpuLiveSchema>;

/** Of a memory sample of a card: whose memory it is, and what else the card tells. */
export const cardSampleSchema = cardReadingSchema.extend({
  /** `container`: the sample's `usedBytes` is the run's container's alone. `card`: everybody's, as who has what is unknown. */
  scope: z.enum(['container', 'card']),
  /** Everybody's memory on the card. */
  usedBytes: z.number(),
  /** Memory of processes outside the run's container; null where it is not told. */
  othersBytes: z.number().nullable(),
});
export type CardSample = z.infer<typeof cardSampleSchema>;
