/** What containers were used for, what it costs, and the budgets that hold it. */
import * as z from 'zod';

/**
 * What a container did with its time. The first three are billed to the run that they were for. `prepared`: code was
 * loaded ahead of calls, or to see that a version comes up.
 */
export const usageKindSchema = z.enum([
  'imports',
  'model-load',
  'running',
  'starting',
  'prepared',
  'idle',
]);
export type UsageKind = z.infer<typeof usageKindSchema>;

/** A day of the runtime's own time zone, such as `2026-11-24`. */
export const daySchema = z.string().regex(/^\d{4}-\d{2}-\d{2}$/);

export const usageRowSchema = z.object({
  day: daySchema,
  app: z.string(),
  /** Empty where the time was nobody's call: an idle container is its app's. */
  function: z.string(),
  /** Model of the cards, or null on CPU. */
  gpu: z.string().nullable(),
  /** Cards used at once; 0 on CPU. */
  cards: z.number().int().min(0),
  kind: usageKindSchema,
  ms: z.number().min(0),
  usd: z.number().min(0),
});
export type UsageRow = z.infer<typeof usageRowSchema>;

/** Whether own or rented cards would cost less than what was billed, from what was measured. */
export const adviceSchema = z.object({
  gpu: z.string(),
  /** Share of the time that the cards worked for calls, 0 to 1, per card. */
  utilisation: z.number(),
  billedUsd: z.number(),
  /** What the same cards would have cost around the clock, at the dedicated rate. */
  dedicatedUsd: z.number(),
  text: z.string(),
});
export type Advice = z.infer<typeof adviceSchema>;

export const costReportSchema = z.object({
  first: daySchema,
  last: daySchema,
  rows: z.array(usageRowSchema),
  advice: z.array(adviceSchema),
  /** What is billed and at which prices, and what isn't, each a whole sentence. */
  terms: z.array(z.string()),
});
export type CostReport = z.infer<typeof costReportSchema>;

export const budgetPeriodSchema = z.enum(['day', 'month']);
export type BudgetPeriod = z.infer<typeof budgetPeriodSchema>;

export const budgetSchema = z.object({
  /** The app that it holds, or null for all of the runtime. */
  app: z.string().min(1).max(200).nullable(),
  period: budgetPeriodSchema,
  usd: z.number().positive().max(1e9),
});
export type Budget = z.infer<typeof budgetSchema>;

export const budgetStateSchema = budgetSchema.extend({
  /** Billed in the period that goes on, calls that have not ended left out. */
  spentUsd: z.number(),
  state: z.enum(['ok', 'warned', 'spent']),
});
export type BudgetState = z.infer<typeof budgetStateSchema>;

/** A budget that is near its end, or past it. */
export const budgetAlertSchema = budgetStateSchema.extend({
  /** First day of the period that goes on. */
  since: daySchema,
  /** Billed in that period and what goes on now. */
  spentUsd: z.number(),
  state: z.enum(['warned', 'spent']),
});
export type BudgetAlert = z.infer<typeof budgetAlertSchema>;
