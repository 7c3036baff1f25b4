/** Builds one virtual environment with pip or uv, line by line. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { capture, installerEnvironment, startChild } from '../engines/children';
import type { BuildListener } from '../engines/engine';
import { VelarError } from '../protocol/errors';
import { exists } from '../store/exists';
import { ImageBuildError, pipFailure, placeTraceback } from './buildError';
import { eachSecond } from './eachSecond';
import type { ImagePlan, InstallStep } from './imagePlan';
import { InstallProgressReader } from './installProgress';
import { programsOnPath, type PythonInterpreter } from './python';

export interface VenvBuild {
  folder: string;
  python: PythonInterpreter;
  plan: ImagePlan;
  environment: Readonly<Record<string, string | undefined>>;
  listener: BuildListener;
  signal: AbortSignal;
}

/** Path of the interpreter inside a virtual environment. */
export function venvPython(folder: string): string {
  return process.platform === 'win32'
    ? join(folder, 'Scripts', 'python.exe')
    : join(folder, 'bin', 'python');
}

/** Fills an empty folder. Throws ImageBuildError, or `cancelled`. What a failed build leaves is not usable. */
export async function buildVenv(build: VenvBuild): Promise<void> {
  const env = installerEnvironment(build.environment);
  const { executable } = build.python;
  build.listener.progress('creating the environment', 'build');
  await rm(build.folder, { recursive: true, force: true });
  await mkdir(build.folder, { recursive: true });
  const made = await capture(
    { command: executable, args: ['-m', 'venv', '--without-pip', build.folder], env },
    build.signal,
  );
  if (made.exit.code !== 0) {
    throw new ImageBuildError({
      kind: 'image',
      type: 'VenvFailed',
      message: `Python can't make a virtual environment: ${lastLine(made.stderr + made.stdout)}`,
      traceback: [],
      hint: 'Install the venv module of this Python (on Debian: python3-venv), then run again.',
    });
  }
  if (build.plan.steps.length === 0) return;
  const installer = await chooseInstaller(build, env);
  for (const [index, step] of build.plan.steps.entries()) {
    await install(build, installer, step, index);
  }
}

interface Installer {
  command: string;
  /** Arguments before the packages. */
  args: readonly string[];
  env: Record<string, string>;
}

async function chooseInstaller(build: VenvBuild, env: Record<string, string>): Promise<Installer> {
  const target = venvPython(build.folder);
  const uv = programsOnPath('uv', build.environment)[0];
  if (uv !== undefined && !(await pipIsConfigured(build.environment))) {
    return { command: uv, args: ['pip', 'install', '--python', target], env };
  }
  const { executable } = build.python;
  const { exit, stdout } = await capture(
    { command: executable, args: ['-m', 'pip', '--version'], env },
    build.signal,
  );
  const [major, minor] = (/^pip (\d+)\.(\d+)/.exec(stdout) ?? []).slice(1).map(Number);
  if (
    exit.code !== 0 ||
    major === undefined ||
    minor === undefined ||
    major < 22 ||
    (major === 22 && minor < 3)
  ) {
    throw new ImageBuildError({
      kind: 'image',
      type: 'InstallerMissing',
      message: `${executable} has no pip 22.3 or newer, and uv is not on PATH: packages can't be installed.`,
      traceback: placeTraceback(build.plan.steps[0]),
      hint: 'Install or upgrade pip (on Debian: python3-pip), or install uv, then run again.',
    });
  }
  const raw = major > 24 || (major === 24 && minor >= 1);
  return {
    command: executable,
    args: [
      ...['-m', 'pip', '--python', target, 'install', '--no-input', '--disable-pip-version-check'],
      ...['--progress-bar', raw ? 'raw' : 'off'],
    ],
    env: { ...env, PYTHONUNBUFFERED: '1' },
  };
}

/** uv does not read pip's configuration; who has one, for an index of their own say, gets pip. */
async function pipIsConfigured(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<boolean> {
  const names = ['PIP_CONFIG_FILE', 'PIP_INDEX_URL', 'PIP_EXTRA_INDEX_URL', 'PIP_FIND_LINKS'];
  if (names.some((name) => (environment[name] ?? '') !== '')) return true;
  const home = environment['HOME'] ?? environment['USERPROFILE'] ?? '';
  const files = [
    join(environment['XDG_CONFIG_HOME'] ?? join(home, '.config'), 'pip', 'pip.conf'),
    join(home, '.pip', 'pip.conf'),
    '/etc/pip.conf',
    '/etc/xdg/pip/pip.conf',
  ];
  const found = await Promise.all(files.map(exists));
  return found.includes(true);
}

async function install(
  build: VenvBuild,
  installer: Installer,
  step: InstallStep,
  index: number,
): Promise<void> {
  build.signal.throwIfAborted();
  let packages = [...step.packages];
  if (step.requirements !== null) {
    const file = join(build.folder, `requirements-${index}.txt`);
    await writeFile(file, step.requirements);
    packages = ['-r', file];
  }
  if (packages.length === 0) return;
  build.listener.progress(
    `installing ${step.requirements === null ? packages.join(' ') : 'requirements'}`,
    'build',
  );
  const child = await startChild({
    command: installer.command,
    args: [...installer.args, ...packages],
    env: installer.env,
    cwd: build.folder,
  });
  child.stdin.end();
  const abort = (): void => child.signal('SIGKILL');
  build.signal.addEventListener('abort', abort, { once: true });
  const reader = new InstallProgressReader();
  const tell = (progress: string | undefined): void => {
    if (progress !== undefined) build.listener.progress(progress, 'build');
  };
  const stop = eachSecond((atMs) => tell(reader.now(atMs)));
  try {
    const kept: string[] = [];
    const read = async (stream: NodeJS.ReadableStream): Promise<void> => {
      for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
        tell(reader.line(line, performance.now()));
        if (/^Progress \d+ of \d+$/.test(line)) continue;
        kept.push(line);
        if (kept.length > 400) kept.shift();
        build.listener.output(`${line}\n`);
      }
    };
    const [exit] = await Promise.all([child.exited, read(child.stdout), read(child.stderr)]);
    if (build.signal.aborted) throw new VelarError('cancelled', 'Cancelled.');
    if (exit.code !== 0) {
      const what = step.requirements === null ? step.packages.join(' ') : 'the requirements file';
      throw new ImageBuildError(pipFailure(what, kept.join('\n'), step));
    }
  } finally {
    stop();
    build.signal.removeEventListener('abort', abort);
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? 'it printed nothing';
}
