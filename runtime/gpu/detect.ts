/** Which cards this machine has: asked of NVML, else of nvidia-smi, once. */
import { capture, minimalEnvironment, type ChildSpec } from '../engines/children';
import { programsOnPath, type PythonInterpreter } from '../images/python';
import { VelarError } from '../protocol/errors';
import type { Gpu } from '../protocol/methods';
import type { ReadProcess } from './owners';
import { nvmlCommand, startNvml, withoutNvml } from './nvml';
import { gpusOf } from './samples';
import { CSV_FORMAT, GPU_QUERY, parseCards } from './smi';

export interface GpuInventory {
  gpus: Gpu[];
  /** Why there is none, a whole sentence; null where there is one. */
  note: string | null;
  /** Path of nvidia-smi, where it was found. */
  smi: string | null;
  /** How NVML's sampler is started, or why it can't be. */
  nvml?: { command: ChildSpec } | { refused: string };
  /** Reads the processes that a driver names; null where they can't be seen; absent: as the machine is. */
  processes?: ReadProcess | null;
}

export interface Detection {
  environment: Readonly<Record<string, string | undefined>>;
  /** This machine's Python; rejects with `python-missing`. */
  python: () => Promise<PythonInterpreter>;
  /** Folder that holds the package `velar_worker`. */
  pythonPackages: string;
  signal?: AbortSignal;
}

/** Never throws but `cancelled`: a driver that fails is a note. */
export async function detectGpus(detection: Detection): Promise<GpuInventory> {
  const { environment, signal } = detection;
  const smi = programsOnPath('nvidia-smi', environment)[0] ?? null;
  const nvml = await askNvml(detection);
  signal?.throwIfAborted();
  if ('command' in nvml && nvml.gpus.length > 0) {
    return { gpus: nvml.gpus, note: null, smi, nvml: { command: nvml.command } };
  }
  const refused = 'refused' in nvml ? nvml.refused : 'it knows no card';
  const none = 'No NVIDIA GPU found on this runtime';
  if (smi === null) {
    const note = `${none}: ${refused}, and nvidia-smi is not on PATH.`;
    return { gpus: [], note, smi, nvml: { refused } };
  }
  const env = minimalEnvironment(environment);
  const { exit, stdout, stderr } = await capture(
    { command: smi, args: [GPU_QUERY, CSV_FORMAT], env },
    signal,
  );
  const gpus = gpusOf(parseCards(stdout));
  if (gpus.length > 0) return { gpus, note: null, smi, nvml: { refused } };
  const said = (stdout + stderr).trim().split('\n')[0] ?? '';
  const why =
    said === '' ? `nvidia-smi ended with code ${exit.code ?? 'none'}` : `nvidia-smi says: ${said}`;
  return { gpus: [], note: `${none}: ${why.replace(/\.$/, '')}.`, smi, nvml: { refused } };
}

async function askNvml({
  environment,
  python,
  pythonPackages,
}: Detection): Promise<{ command: ChildSpec; gpus: Gpu[] } | { refused: string }> {
  const needless = withoutNvml(environment);
  if (needless !== undefined) return { refused: needless };
  try {
    const { executable } = await python();
    const command = nvmlCommand(executable, pythonPackages, environment);
    const source = await startNvml(command, { sample: ignore, failed: ignore });
    await source.stop();
    return { command, gpus: gpusOf(source.cards) };
  } catch (error) {
    return { refused: VelarError.from(error).message.replace(/\.$/, '') };
  }
}

function ignore(): void {
  // Whatever comes after the greeting is for a sampler that stays.
}
