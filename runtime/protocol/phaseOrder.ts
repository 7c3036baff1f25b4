/** Names of the phases, apart from their schemas so that an editor can show them without loading zod. */

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
export type Phase = (typeof phases)[number];

export const phaseStatuses = ['started', 'progress', 'done', 'skipped', 'failed'] as const;
export type PhaseStatus = (typeof phaseStatuses)[number];

/** True for the statuses that end a phase; each phase has exactly one of them in a run. */
export function endsPhase(status: PhaseStatus): boolean {
  return status === 'done' || status === 'skipped' || status === 'failed';
}
