/** Messages between the editor and the panel's page; both sides check what arrives. */
import * as z from 'zod';
import type { LogLine } from './logChunks';
import type { Container, Gpu } from './methods';
import type { RunRecord } from './runRecord';
import { tryPageMessageSchema, type TryHostMessage } from './tryMessages';

/** What the panel knows of the runtime. */
export interface PanelRuntime {
  name: string;
  state: 'off' | 'starting' | 'connected' | 'reconnecting' | 'failed';
  /** Why it failed and what to do, or null. */
  message: string | null;
  gpus: Gpu[];
  gpuNote: string | null;
}

export interface PanelRun {
  record: RunRecord;
  /** Lines kept for the page: the newest ones; `dropped` older ones are in the full log only. */
  log: LogLine[];
  dropped: number;
}

export interface PanelSnapshot {
  runtime: PanelRuntime;
  /** Newest first, without logs. */
  runs: RunRecord[];
  selected: PanelRun | null;
  containers: Container[];
}

/** Of the runs. A page that was hidden gets a whole `snapshot` when it shows again, never deltas. */
export type RunsMessage =
  | { type: 'snapshot'; snapshot: PanelSnapshot }
  | { type: 'record'; record: RunRecord }
  | { type: 'log'; run: string; lines: LogLine[]; dropped: number }
  | { type: 'runtime'; runtime: PanelRuntime }
  | { type: 'containers'; containers: Container[] };

/** Editor to page. */
export type HostMessage = RunsMessage | TryHostMessage;

/** Page to editor. */
export const pageMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('select'), run: z.string() }),
  z.object({ type: z.literal('cancel'), run: z.string() }),
  z.object({ type: z.literal('rerun'), run: z.string() }),
  /** Only the inputs of its batch that failed. */
  z.object({ type: z.literal('rerunFailed'), run: z.string() }),
  /** The same once more on the CPU, for a function whose GPU is not to be had. */
  z.object({ type: z.literal('runOnCpu'), run: z.string() }),
  z.object({ type: z.literal('stopContainer'), container: z.string() }),
  z.object({ type: z.literal('openFile'), file: z.string(), line: z.number().int().min(1) }),
  /** Opens the whole log of a run in an editor. */
  z.object({ type: z.literal('openLog'), run: z.string() }),
  /** Shows the frames of a failed run with their variables. */
  z.object({ type: z.literal('inspectFailure'), run: z.string() }),
  z.object({ type: z.literal('copy'), text: z.string().max(10_000_000) }),
  z.object({ type: z.literal('saveResult'), run: z.string(), mime: z.string() }),
  z.object({ type: z.literal('pair') }),
  z.object({ type: z.literal('startLocalRuntime') }),
  tryPageMessageSchema,
]);
export type PageMessage = z.infer<typeof pageMessageSchema>;
