/** Finds the Python that the process engine uses, and what it is. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { capture, minimalEnvironment } from '../engines/children';
import { VelarError } from '../protocol/errors';

export interface PythonInterpreter {
  /** The interpreter itself (sys.executable): starting a version manager's shim costs 300 ms each time. */
  executable: string;
  /** Such as `3.11.7`. */
  version: string;
}

const OLDEST: readonly [number, number] = [3, 9];
const REMEDY =
  'Install Python 3.9 or newer, or point VELAR_PYTHON (setting velar.python) to one, then try again.';
const PROBE = 'import sys;print(sys.executable);print("%d.%d.%d" % sys.version_info[:3])';

export interface PythonSearch {
  /** The person's choice: a path, or a name on PATH. */
  wanted?: string | undefined;
  environment: Readonly<Record<string, string | undefined>>;
  signal?: AbortSignal | undefined;
}

/** Throws `python-missing` with what was found instead and what to do. */
export async function findPython(search: PythonSearch): Promise<PythonInterpreter> {
  const candidates =
    search.wanted === undefined || search.wanted === ''
      ? ['python3', 'python'].flatMap((name) => programsOnPath(name, search.environment))
      : [search.wanted];
  const refused: string[] = [];
  for (const candidate of candidates) {
    const found = await probe(candidate, search);
    if (typeof found === 'string') refused.push(found);
    else return found;
  }
  const why = refused.length === 0 ? 'no python3 or python is on PATH' : refused.join('; ');
  throw new VelarError('python-missing', `No usable Python: ${why}.`, { hint: REMEDY });
}

/** Python of one minor version, such as `3.10`, or undefined where PATH has none. */
export async function findPythonVersion(
  minor: string,
  search: PythonSearch,
): Promise<PythonInterpreter | undefined> {
  if (!/^3\.\d+$/.test(minor)) return undefined;
  for (const candidate of programsOnPath(`python${minor}`, search.environment)) {
    const found = await probe(candidate, search);
    if (typeof found !== 'string' && minorOf(found.version) === minor) return found;
  }
  return undefined;
}

/** `3.11` of `3.11.7`. */
export function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

/** The interpreter, or why it can't be used. */
async function probe(
  command: string,
  { environment, signal }: PythonSearch,
): Promise<PythonInterpreter | string> {
  try {
    const env = minimalEnvironment(environment);
    const { exit, stdout, stderr } = await capture(
      { command, args: ['-I', '-S', '-c', PROBE], env },
      signal,
    );
    const [executable, version] = stdout.trim().split(/\r?\n/);
    if (exit.code !== 0 || executable === undefined || version === undefined) {
      return `${command} does not run (${stderr.trim().split('\n').at(-1) ?? 'no output'})`;
    }
    const [major = 0, minor = 0] = version.split('.').map(Number);
    if (major !== OLDEST[0] || minor < OLDEST[1]) return `${command} is Python ${version}`;
    return { executable, version };
  } catch (error) {
    const failure = VelarError.from(error);
    if (failure.code === 'cancelled') throw failure;
    return failure.message.replace(/\.$/, '');
  }
}

/** Absolute paths of all programs of that name on PATH, in its order. */
export function programsOnPath(
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd', '.bat'] : [''];
  const folders = (environment['PATH'] ?? environment['Path'] ?? '')
    .split(delimiter)
    .filter(Boolean);
  return folders
    .flatMap((folder) => endings.map((ending) => join(folder, name + ending)))
    .filter(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Finds the interpreter on first use and remembers it; a failure is tried again the next time. */
export function rememberPython(search: PythonSearch): () => Promise<PythonInterpreter> {
  let found: Promise<PythonInterpreter> | undefined;
  return () => {
    if (found === undefined) {
      const attempt = findPython(search);
      found = attempt;
      attempt.catch(() => {
        if (found === attempt) found = undefined;
      });
    }
    return found;
  };
}
