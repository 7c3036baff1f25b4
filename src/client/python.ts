/** Finds the person's Python. */
import { VelarError } from '../../runtime/protocol/errors';

export interface PythonInterpreter {
  /** The interpreter itself, not a version manager's shim. */
  executable: string;
  /** Such as `3.11.7`. */
  version: string;
}

/**
 * The first of these that is Python 3.9 or newer: `chosen` (then nothing else is tried), VELAR_PYTHON, an
 * active virtual environment, python3 and python on PATH. Throws VelarError `python-missing`.
 */
export async function findPython(
  _chosen: string | undefined,
  _signal?: AbortSignal,
): Promise<PythonInterpreter> {
  throw new VelarError('unsupported', 'Being written.');
}
