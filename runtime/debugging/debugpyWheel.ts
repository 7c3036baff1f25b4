/** Which debugpy a container needs, and what is said where there is none for it. Pure. */
import type { RunError } from '../protocol/values';

/** The oldest debugpy that is used, where an image brings its own; see debugging.py. */
export const OLDEST_DEBUGPY = '1.6.3';
/** debugpy from OLDEST_DEBUGPY on, and the worker itself, need it. */
const OLDEST_PYTHON: readonly [number, number] = [3, 8];

export interface DebugpyNeed {
  /** Minor version of the container's Python, such as `3.11`; names the folder too. */
  python: string;
}

/** `own`: the debugpy of the image, where that will do; null means that nothing has to be brought. */
export function debugpyNeed(
  python: string,
  own: string | null,
): DebugpyNeed | null | { error: RunError } {
  const [major = 0, minor = 0] = python.split('.').map(Number);
  if (major !== OLDEST_PYTHON[0] || minor < OLDEST_PYTHON[1]) {
    return {
      error: {
        kind: 'image',
        type: 'PythonTooOld',
        message: `The image has Python ${python}; debugging needs ${OLDEST_PYTHON.join('.')} or newer.`,
        traceback: [],
        hint: 'Choose an image with a newer Python, or run it without Debug.',
      },
    };
  }
  return own === null ? { python: `${major}.${minor}` } : null;
}

/** Arguments of pip that fetch the wheel into a folder; `pure` takes one that runs anywhere, though more slowly. */
export function downloadArguments(need: DebugpyNeed, folder: string, pure: boolean): string[] {
  return [
    ...['-m', 'pip', 'download', '--no-input', '--disable-pip-version-check', '--quiet'],
    ...['--no-deps', '--only-binary', ':all:', '--python-version', need.python],
    ...(pure ? ['--platform', 'any'] : []),
    ...['--dest', folder, `debugpy>=${OLDEST_DEBUGPY}`],
  ];
}

/** What the person is told where pip brought nothing; `said`: what pip printed. */
export function notBrought(need: DebugpyNeed, said: string): RunError {
  const last = said.trim().split('\n').at(-1)?.trim() ?? '';
  return {
    kind: 'infrastructure',
    type: 'DebugpyMissing',
    message: `The image has no debugpy, and pip could not fetch one for Python ${need.python}: ${last === '' ? 'it printed nothing' : last}`,
    traceback: [],
    hint: 'Give the runtime’s machine access to a package index, or add `.pip_install("debugpy")` to the image, then debug again.',
  };
}
