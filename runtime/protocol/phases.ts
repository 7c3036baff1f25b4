import { z } from 'zod';

/** The seven phases of a cold start and run, always all of them, in this order. */
export const phases = [
  'queued',
  'provisioning',
  'image',
  'container',
  'imports',
  'model-load',
  'running',
] as const;
export const phaseSchema = z.enum(phases);
export type Phase = z.infer<typeof phaseSchema>;

export const phaseStatuses = ['started', 'progress', 'done', 'skipped', 'failed'] as const;
export const phaseStatusSchema = z.enum(phaseStatuses);
export type PhaseStatus = z.infer<typeof phaseStatusSchema>;

/** True for the statuses that end a phase; each phase has exactly one of them in a run. */
export function endsPhase(status: PhaseStatus): boolean {
  return status === 'done' || status === 'skipped' || status === 'failed';
}
