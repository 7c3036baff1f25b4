/** The one place where the runtime starts processes: each in a group of its own, ended as a whole. */
import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { isNodeError, VelarError } from '../protocol/errors';

export interface ChildSpec {
  command: string;
  args: readonly string[];
  /** The whole environment: nothing is inherited. */
  env: Readonly<Record<string, string>>;
  cwd?: string;
}

export interface ChildExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Child {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the process has ended and its group was killed. Never rejects. */
  readonly exited: Promise<ChildExit>;
  /** Signals the whole group. Does nothing once it has ended. */
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL after `graceMs`; resolves when the process has ended. */
  stop(graceMs: number): Promise<ChildExit>;
}

/** Starts a process. Throws `not-found` for a missing program and `internal` for other failures to start. */
export async function startChild(spec: ChildSpec): Promise<Child> {
  const child = spawn(spec.command, [...spec.args], {
    env: { ...spec.env },
    cwd: spec.cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => {
      const missing = isNodeError(cause) && cause.code === 'ENOENT';
      reject(
        new VelarError(
          missing ? 'not-found' : 'internal',
          `Can't start ${spec.command}: ${cause.message}.`,
          {
            cause,
          },
        ),
      );
    });
  });
  const pid = child.pid ?? 0;
  let ended = false;
  // A process that ended breaks its pipe; `exited` tells, so the pipe's own error has nothing to add.
  child.stdin.on('error', () => undefined);
  const exited = new Promise<ChildExit>((resolve) => {
    child.once('exit', (code, signal) => {
      ended = true;
      signalGroup(pid, 'SIGKILL');
      resolve({ code, signal });
    });
  });
  const signal = (name: NodeJS.Signals): void => {
    if (!ended) signalGroup(pid, name);
  };
  return {
    pid,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    signal,
    async stop(graceMs) {
      signal('SIGTERM');
      const timer = setTimeout(() => signal('SIGKILL'), graceMs);
      try {
        return await exited;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Signals a process group; a group that is gone is no error. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  if (pid <= 0) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal);
  } catch (error) {
    if (!isNodeError(error) || (error.code !== 'ESRCH' && error.code !== 'EPERM')) throw error;
  }
}

export interface Captured {
  exit: ChildExit;
  stdout: string;
  stderr: string;
}

/** Runs a short program to its end and keeps what it prints. Throws `cancelled` when aborted, and as startChild. */
export async function capture(spec: ChildSpec, signal?: AbortSignal): Promise<Captured> {
  signal?.throwIfAborted();
  const child = await startChild(spec);
  child.stdin.end();
  const abort = (): void => child.signal('SIGKILL');
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const [stdout, stderr, exit] = await Promise.all([
      readAll(child.stdout),
      readAll(child.stderr),
      child.exited,
    ]);
    if (signal?.aborted === true) throw new VelarError('cancelled', 'Cancelled.');
    return { exit, stdout, stderr };
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

async function readAll(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

const PASSED_ON = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'TMPDIR', 'TEMP', 'TMP'];
/** Where models were downloaded to, so that a function finds what the person has; never a token. */
const MODEL_CACHES = ['HF_HOME', 'HF_HUB_CACHE', 'TORCH_HOME', 'XDG_CACHE_HOME'];
const PASSED_ON_WINDOWS = ['SYSTEMROOT', 'USERPROFILE', 'PATHEXT', 'APPDATA', 'LOCALAPPDATA'];

/** What user code may see of the runtime's environment: where programs and files lie, and no secret. */
export function minimalEnvironment(
  source: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const passed = [...PASSED_ON, ...MODEL_CACHES, ...PASSED_ON_WINDOWS];
  return pick(source, (name) => passed.includes(name));
}

/** Also what installers read: the user's own package index, proxy, certificates and compiler settings. */
export function installerEnvironment(
  source: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const more =
    /^(PIP_|UV_|XDG_|SSL_CERT_|CC$|CXX$|CFLAGS$|LDFLAGS$|CUDA_HOME$|REQUESTS_CA_BUNDLE$)/;
  const proxy = /^(https?|all|no)_proxy$/i;
  return {
    ...minimalEnvironment(source),
    ...pick(source, (name) => more.test(name) || proxy.test(name)),
  };
}

function pick(
  source: Readonly<Record<string, string | undefined>>,
  wanted: (name: string) => boolean,
): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const [name, value] of Object.entries(source)) {
    if (value !== undefined && wanted(name)) picked[name] = value;
  }
  return picked;
}
