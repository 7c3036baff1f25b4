/** The embedded runtime: the one of this machine, started when first needed. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { isNodeError, VelarError } from '../../runtime/protocol/errors';
import {
  embeddedReadySchema,
  RUNTIME_FILE,
  runtimeFileSchema,
  type EmbeddedReady,
} from '../../runtime/protocol/embedded';
import type { RuntimeAddress } from './api';

export interface EmbeddedOptions {
  /** VELAR_HOME, see home.ts. */
  home: string;
  /** The interpreter for the functions; undefined lets the runtime look for one. */
  python: string | undefined;
  /** Where a runtime that is started places containers; undefined leaves it to the environment. */
  engine?: string | undefined;
  /** Absolute path of dist/runtime.js. */
  runtimeScript: string;
  /** Node, or Electron (then it is told to behave as Node). */
  execPath: string;
  signal?: AbortSignal;
}

export interface EmbeddedRuntimeAddress extends RuntimeAddress {
  pid: number;
  /** True when this call started it, false when it was running. */
  started: boolean;
  /** True once a runtime that this call started has ended; false after `withinMs`, or when it is not ours. */
  exited(withinMs: number): Promise<boolean>;
  /** Ends one that this call started and that does not end by itself; its containers end with it. */
  kill(): void;
}

const READY_WITHIN_MS = 30_000;
/** What a runtime prints before it is ready is little; this much of the end is shown when it fails. */
const SHOWN_OUTPUT = 2_000;

/**
 * Joins the running runtime of that home or starts one. It ends by itself when its last client has left.
 * Throws VelarError `unreachable` with what the runtime printed, `cancelled`.
 */
export async function ensureEmbeddedRuntime(
  options: EmbeddedOptions,
): Promise<EmbeddedRuntimeAddress> {
  const running = await runningRuntime(options.home);
  if (running !== undefined) return joined(running);
  return startRuntime(options);
}

function joined(running: EmbeddedReady): EmbeddedRuntimeAddress {
  return {
    ...running,
    started: false,
    exited: () => Promise.resolve(false),
    kill: () => undefined,
  };
}

/** The runtime of that home that answers now, or undefined. */
export async function runningRuntime(home: string): Promise<EmbeddedReady | undefined> {
  try {
    const file = runtimeFileSchema.parse(
      JSON.parse(await readFile(join(home, RUNTIME_FILE), 'utf8')),
    );
    const token = (await readFile(file.tokenFile, 'utf8')).trim();
    if (!(await listens(file.url))) return undefined;
    return { pid: file.pid, url: file.url, token };
  } catch {
    // No file, or one that a crash left behind: the start sorts it out under the home's lock.
    return undefined;
  }
}

function listens(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(2_000, () => {
      end(false);
    });
    socket.once('connect', () => {
      end(true);
    });
    socket.once('error', () => {
      end(false);
    });
  });
}

/** Starts it as a process of its own, which an interrupt from the terminal does not reach. */
function startRuntime(options: EmbeddedOptions): Promise<EmbeddedRuntimeAddress> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(new VelarError('cancelled', 'Cancelled.'));
      return;
    }
    const output = openOutput(options.home);
    const child = spawn(
      options.execPath,
      [options.runtimeScript, '--embedded', ...engineFlag(options)],
      {
        cwd: options.home,
        env: {
          ...process.env,
          VELAR_HOME: options.home,
          ...(options.python === undefined ? {} : { VELAR_PYTHON: options.python }),
          ...(process.versions['electron'] === undefined ? {} : { ELECTRON_RUN_AS_NODE: '1' }),
        },
        stdio: ['pipe', 'pipe', output.descriptor],
        detached: true,
        windowsHide: true,
      },
    );
    closeSync(output.descriptor);
    const pipe = child.stdout as Readable;
    holdStdin(child.stdin as Socket);
    const lines = createInterface({ input: pipe });
    const settle = (act: () => void): void => {
      clearTimeout(late);
      signal?.removeEventListener('abort', abort);
      lines.close();
      child.removeAllListeners();
      // From here on it lives by its own rules; neither its pipe nor its exit keeps this process.
      pipe.destroy();
      child.unref();
      act();
    };
    const fail = (message: string, cause?: unknown): void => {
      settle(() => {
        child.kill();
        reject(failure(message, output.file, cause));
      });
    };
    const abort = (): void => {
      settle(() => {
        child.kill();
        reject(new VelarError('cancelled', 'Cancelled.'));
      });
    };
    const late = setTimeout(() => {
      fail('The embedded runtime was not ready within 30 s.');
    }, READY_WITHIN_MS);
    signal?.addEventListener('abort', abort, { once: true });
    child.once('error', (error) => {
      fail(`The embedded runtime could not be started: ${error.message}.`, error);
    });
    // Not `exit`: what it printed before may still lie in the pipe then.
    child.once('close', (code, exitSignal) => {
      fail(`The embedded runtime ended at once (${String(exitSignal ?? code)}).`);
    });
    lines.once('line', (line) => {
      const ready = embeddedReadySchema.safeParse(parse(line));
      if (!ready.success) {
        fail(`The embedded runtime said something strange: ${line.slice(0, 200)}`);
        return;
      }
      settle(() => {
        if (ready.data.pid !== child.pid) resolve(joined(ready.data));
        else
          resolve({
            ...ready.data,
            started: true,
            exited: (withinMs) => childExited(child, withinMs),
            kill: () => child.kill('SIGKILL'),
          });
      });
    });
  });
}

function engineFlag({ engine }: EmbeddedOptions): string[] {
  return engine === undefined ? [] : ['--engine', engine];
}

/** Nothing is written there: that it closes tells the runtime that whoever started it is gone. */
function holdStdin(stdin: Socket): void {
  // A runtime that ends before us closes its side; that is told in other ways.
  stdin.on('error', () => stdin.destroy());
  stdin.unref();
}

function childExited(child: ChildProcess, withinMs: number): Promise<boolean> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(true);
  child.ref();
  return new Promise((resolve) => {
    const late = setTimeout(() => {
      child.unref();
      resolve(false);
    }, withinMs);
    child.once('exit', () => {
      clearTimeout(late);
      resolve(true);
    });
  });
}

/** Where its early complaints go; later ones go to its own log. */
function openOutput(home: string): { file: string; descriptor: number } {
  const file = join(home, 'embedded-output.log');
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    return { file, descriptor: openSync(file, 'w', 0o600) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new VelarError('internal', `VELAR_HOME ${home} can't be used: ${reason}.`, {
      hint: 'Set VELAR_HOME to a folder that you may write.',
      cause: error,
    });
  }
}

function failure(message: string, outputFile: string, cause: unknown): VelarError {
  const printed = readPrinted(outputFile);
  return new VelarError('unreachable', printed === '' ? message : `${message}\n${printed}`, {
    hint: 'Run `velar doctor` to find what is missing.',
    cause,
  });
}

function readPrinted(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim().slice(-SHOWN_OUTPUT);
  } catch (error) {
    if (isNodeError(error)) return '';
    throw error;
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
