/** Which cards this machine has, asked of nvidia-smi once. */
import { capture, minimalEnvironment } from '../engines/children';
import { programsOnPath } from '../images/python';
import type { Gpu } from '../protocol/methods';
import { CSV_FORMAT, GPU_QUERY, parseGpus } from './smi';

export interface GpuInventory {
  gpus: Gpu[];
  /** Why there is none, a whole sentence; null where there is one. */
  note: string | null;
  /** Path of nvidia-smi, where it was found. */
  smi: string | null;
}

/** Never throws but `cancelled`: a driver that fails is a note. */
export async function detectGpus(
  environment: Readonly<Record<string, string | undefined>>,
  signal?: AbortSignal,
): Promise<GpuInventory> {
  const none = 'No NVIDIA GPU found on this runtime';
  const smi = programsOnPath('nvidia-smi', environment)[0];
  if (smi === undefined) {
    return { gpus: [], note: `${none}: nvidia-smi is not on PATH.`, smi: null };
  }
  const env = minimalEnvironment(environment);
  const { exit, stdout, stderr } = await capture(
    { command: smi, args: [GPU_QUERY, CSV_FORMAT], env },
    signal,
  );
  const gpus = parseGpus(stdout);
  if (gpus.length > 0) return { gpus, note: null, smi };
  const said = (stdout + stderr).trim().split('\n')[0] ?? '';
  const why =
    said === '' ? `nvidia-smi ended with code ${exit.code ?? 'none'}` : `nvidia-smi says: ${said}`;
  return { gpus: [], note: `${none}: ${why.replace(/\.$/, '')}.`, smi };
}
