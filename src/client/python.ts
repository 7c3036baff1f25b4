/** Finds the person's Python. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { VelarError } from '../../runtime/protocol/errors';

export interface PythonInterpreter {
  /** The interpreter itself, not a version manager's shim. */
  executable: string;
  /** Such as `3.11.7`. */
  version: string;
}

const OLDEST_MINOR = 9;
const PROBE = 'import sys; print(sys.executable); print("%d.%d.%d" % sys.version_info[:3])';
const PROBE_MS = 20_000;
const HINT = 'Install Python 3.9 or newer, or set VELAR_PYTHON (or `velar.python`) to one.';

/**
 * The first of these that is Python 3.9 or newer: `chosen` (then nothing else is tried), VELAR_PYTHON, an
 * active virtual environment, python3 and python on PATH. Throws VelarError `python-missing`.
 */
export async function findPython(
  chosen: string | undefined,
  signal?: AbortSignal,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<PythonInterpreter> {
  const candidates = candidatesOf(chosen, environment);
  const refused: string[] = [];
  for (const candidate of candidates) {
    const found = await probe(candidate, signal);
    if (typeof found === 'string') refused.push(found);
    else return found;
  }
  const why = refused.length === 0 ? 'there is no python3 or python on PATH' : refused.join('; ');
  throw new VelarError('python-missing', `No usable Python: ${why}.`, { hint: HINT });
}

function candidatesOf(chosen: string | undefined, environment: NodeJS.ProcessEnv): string[] {
  if (chosen !== undefined && chosen !== '') return [chosen];
  const named = environment['VELAR_PYTHON'] ?? '';
  if (named !== '') return [named];
  const windows = process.platform === 'win32';
  const venv = environment['VIRTUAL_ENV'] ?? '';
  const inVenv = venv === '' ? [] : [join(venv, windows ? 'Scripts\\python.exe' : 'bin/python')];
  const folders = (environment['PATH'] ?? '').split(delimiter).filter(Boolean);
  const names = windows ? ['python3.exe', 'python.exe'] : ['python3', 'python'];
  const onPath = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...inVenv, ...onPath].filter((path) => existsSync(path));
}

/** The interpreter, or why it can't be used. */
function probe(
  command: string,
  signal: AbortSignal | undefined,
): Promise<PythonInterpreter | string> {
  return new Promise((resolve, reject) => {
    execFile(
      command,
      ['-I', '-c', PROBE],
      { timeout: PROBE_MS, windowsHide: true, ...(signal === undefined ? {} : { signal }) },
      (error, stdout) => {
        if (signal?.aborted === true) {
          reject(new VelarError('cancelled', 'Cancelled.'));
          return;
        }
        const [executable, version] = stdout.trim().split(/\r?\n/);
        if (error !== null || executable === undefined || version === undefined) {
          resolve(`${command} does not run`);
          return;
        }
        const [major = 0, minor = 0] = version.split('.').map(Number);
        const old = major !== 3 || minor < OLDEST_MINOR;
        resolve(old ? `${command} is Python ${version}` : { executable, version });
      },
    );
  });
}
