import * as z from 'zod';
import { phaseStatuses, phases } from './phaseOrder';

export { endsPhase, phaseStatuses, phases, type Phase, type PhaseStatus } from './phaseOrder';

export const phaseSchema = z.enum(phases);
export const phaseStatusSchema = z.enum(phaseStatuses);
