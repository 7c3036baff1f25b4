/** No GPU here: nothing falls back to the CPU without the person's word. */
import * as vscode from 'vscode';
import type { Gpu } from '../../../runtime/protocol/methods';
import type { DiscoveredFunction } from '../../discovery/model';
import { commands } from '../commandIds';
import { allowCpuFallback, cpuFallback } from '../settings';
import type { RunTarget } from './target';

/** `cpu`: run there; `gpu`: as declared, whatever comes of it; undefined: don't run. */
export type CpuDecision = 'cpu' | 'gpu' | undefined;

/** What the target asks for, where the text says it; for a local entrypoint, what it may call. */
export function wantedGpu({ found, functions }: RunTarget): string | undefined {
  const wanting = found.kind === 'local_entrypoint' ? functions : [found];
  return wanting.map(gpuOf).find((gpu) => gpu !== undefined);
}

function gpuOf(found: DiscoveredFunction): string | undefined {
  return found.gpu ?? (found.dynamicOptions.includes('gpu') ? 'a GPU' : undefined);
}

/** Decides before a run. A runtime that has cards is left to find a matching one itself. */
export async function decideCpu(
  target: RunTarget,
  gpus: readonly Gpu[],
  runtime: string,
): Promise<CpuDecision> {
  const wanted = wantedGpu(target);
  if (wanted === undefined || gpus.length > 0) return 'gpu';
  return askForCpu(target, wanted, `“${runtime}” has no GPU`);
}

/** Asks, unless the setting has the answer. `why` completes "asks for L4, and …". */
export async function askForCpu(
  { uri, found }: RunTarget,
  wanted: string,
  why: string,
): Promise<CpuDecision> {
  const setting = cpuFallback(uri);
  if (setting === 'allow') return 'cpu';
  if (setting === 'never') return 'gpu';
  const once = 'Run on CPU';
  const always = 'Always Here';
  const pair = 'Pair a GPU Runtime';
  const answer = await vscode.window.showWarningMessage(
    `${found.qualname} asks for ${wanted}, and ${why}.`,
    {
      modal: true,
      detail:
        'On the CPU it can take far longer. Phases, panel and result will say that it ran there.',
    },
    once,
    always,
    pair,
  );
  if (answer === always) await allowCpuFallback();
  if (answer === pair) await vscode.commands.executeCommand(commands.pair);
  return answer === once || answer === always ? 'cpu' : undefined;
}
