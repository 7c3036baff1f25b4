/** Runs a local entrypoint in the person's own Python, its `.remote()` calls going to the runtime. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type * as z from 'zod';
import { isNodeError, VelarError } from '../../runtime/protocol/errors';
import type { MethodParams } from '../../runtime/protocol/methods';
import { postMortemSchema } from '../../runtime/protocol/postMortem';
import { runErrorSchema, type RunError } from '../../runtime/protocol/values';
import type { ClientConnection, ClientStream, RunHandle, RunRequest } from './api';
import { asShipped, commitOf } from './commit';
import { EntrypointDeploys } from './entrypointDeploys';
import { printOwn, relayOutput } from './outputRelay';
import { startWith, type Bundler, type Overlay, type Shipped } from './runs';

export interface LocalPython {
  /** Absolute path of the interpreter. */
  executable: string;
  /** Folder that holds the `velar` and `velar_worker` packages (dist/python). */
  packages: string;
}

/** After an interrupt a process may tidy up for this long. */
const GRACE_MS = 2_000;
/** The child's file descriptors for frames: of the runtime, and of this client. */
const FRAMES_IN = 3;
const FRAMES_OUT = 4;
const CLIENT_IN = 5;
const CLIENT_OUT = 6;

/** How it ended: no error where it did well; with the frames of its own code where it raised. */
type LocalEnd = Omit<MethodParams<'run.finish'>, 'run'>;

/**
 * Like `startRun`, for a request of kind `local_entrypoint`. It runs with `root` as current folder, unsaved text in
 * the place of what is on disk; what it prints is part of the run's log. `ended` waits for its process.
 */
export function startLocalEntrypoint(
  connection: ClientConnection,
  bundler: Bundler,
  python: LocalPython,
  request: RunRequest,
  overlay: Overlay = new Map(),
): RunHandle {
  return startWith(connection, bundler, request, overlay, (run, signal, shipped) =>
    serveEntrypoint(connection, { run, python, request, overlay, shipped }, signal),
  );
}

/** An entrypoint whose run has begun. */
export interface BegunEntrypoint {
  run: string;
  python: LocalPython;
  request: RunRequest;
  overlay: Overlay;
  shipped: Shipped;
}

/**
 * Runs it to its end and tells the runtime; `signal` says that the run is over. `held`: the run is this connection's
 * from here on, whoever started it. Throws where it does not come to that.
 */
export async function serveEntrypoint(
  connection: ClientConnection,
  entrypoint: BegunEntrypoint,
  signal: AbortSignal,
  held: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const end = await runLocally(connection, entrypoint, signal, held);
  // A run that has ended already was cancelled, or its session lost; there is nobody to tell.
  if (!signal.aborted) await connection.request('run.finish', { run: entrypoint.run, ...end });
}

/** Resolves with how it ended, once its process is gone and its output is on its way. */
async function runLocally(
  connection: ClientConnection,
  { run, python, request, overlay, shipped }: BegunEntrypoint,
  signal: AbortSignal,
  held: () => Promise<void>,
): Promise<LocalEnd> {
  const caller = connection.openStream(false);
  const output = connection.openStream(true);
  await connection.request('run.openCaller', {
    run,
    callerStream: caller.id,
    outputStream: output.id,
  });
  await held();
  const folder = await mkdtemp(join(tmpdir(), 'velar-local-'));
  const errorFile = join(folder, 'error.json');
  const framesFile = join(folder, 'frames.json');
  const unsavedFile = join(folder, 'unsaved.json');
  if (overlay.size > 0) await writeFile(unsavedFile, JSON.stringify(await realPaths(overlay)));
  const child = startPython(python, request, {
    VELAR_ERROR_FILE: errorFile,
    VELAR_FRAMES_FILE: framesFile,
    ...(overlay.size > 0 ? { VELAR_UNSAVED_FILE: unsavedFile } : {}),
  });
  const { root, file, cpu } = request;
  const deploys = new EntrypointDeploys({
    connection,
    origin: { within: run, bundle: shipped.bundle, file, cpu },
    // As things stand now, when the files have just been sent, not when it deploys.
    commit: commitOf(root, signal).then((commit) =>
      asShipped(commit, overlay.keys(), root, shipped.files),
    ),
    requests: pipeOf(child, CLIENT_OUT),
    answers: pipeOf(child, CLIENT_IN),
    print: (text) => printOwn(text, output),
  });
  const kill = (): void => {
    endProcess(child);
    deploys.cancel();
  };
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  try {
    const exited = exitOf(child);
    feed(caller, pipeOf(child, FRAMES_IN));
    await Promise.all([
      relayOutput(pipeOf(child, 1), 1, output),
      relayOutput(pipeOf(child, 2), 2, output),
      relayFrames(pipeOf(child, FRAMES_OUT), caller),
      deploys.serve(),
    ]);
    const { code, killedBy } = await exited;
    const error = (await readJson(errorFile, runErrorSchema)) ?? unexplained(code, killedBy);
    const frames = await readJson(framesFile, postMortemSchema);
    // Like calls that it spawned, deploys that it did not wait for go on when it ends well.
    if (error !== null) deploys.cancel();
    await deploys.ended();
    return { error, ...(frames === undefined ? {} : { frames }) };
  } catch (error) {
    endProcess(child);
    deploys.cancel();
    const { message, hint } = VelarError.from(error);
    const told = hint === undefined ? {} : { hint };
    return { error: { kind: 'infrastructure', message, traceback: [], ...told } };
  } finally {
    signal.removeEventListener('abort', kill);
    output.end();
    caller.abandon();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Python knows files by their real paths; one that is not on disk yet keeps the path it has. */
async function realPaths(overlay: Overlay): Promise<Record<string, string>> {
  const entries = [...overlay].map(async ([path, text]): Promise<[string, string]> => [
    await realpath(path).catch(() => path),
    text,
  ]);
  return Object.fromEntries(await Promise.all(entries));
}

function startPython(
  python: LocalPython,
  request: RunRequest,
  files: Readonly<Record<string, string>>,
): ChildProcess {
  const { PYTHONPATH: inherited = '' } = process.env;
  const path = inherited === '' ? python.packages : `${python.packages}${delimiter}${inherited}`;
  const { file, qualname } = request;
  const args = ['-m', 'velar_worker.local', file, qualname, JSON.stringify(request.arguments)];
  return spawn(python.executable, args, {
    cwd: request.root,
    env: {
      ...process.env,
      PYTHONPATH: path,
      PYTHONUNBUFFERED: '1',
      VELAR_CALLER_FDS: `${String(FRAMES_IN)},${String(FRAMES_OUT)}`,
      VELAR_CLIENT_FDS: `${String(CLIENT_IN)},${String(CLIENT_OUT)}`,
      ...files,
    },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
    // A group of its own: Ctrl-C in the terminal is ours to pass on, and its children end with it.
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
}

function exitOf(
  child: ChildProcess,
): Promise<{ code: number | null; killedBy: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code, killedBy) => {
      resolve({ code, killedBy });
    });
    child.once('error', (error) => {
      reject(
        new VelarError('python-missing', `Python could not be started: ${error.message}.`, {
          hint: 'Set VELAR_PYTHON (or `velar.python`) to a Python 3.9 or newer.',
          cause: error,
        }),
      );
    });
  });
}

/** One of the child's pipes. Extra descriptors are sockets, so each can be read and written. */
function pipeOf(child: ChildProcess, descriptor: number): Readable & Writable {
  return child.stdio[descriptor] as Readable & Writable;
}

/** Interrupts it as Ctrl-C would, and insists after the grace. */
function endProcess(child: ChildProcess): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  signalGroup(child, 'SIGINT');
  const late = setTimeout(() => {
    signalGroup(child, 'SIGKILL');
  }, GRACE_MS);
  child.once('exit', () => {
    clearTimeout(late);
  });
}

function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? child.pid : -child.pid, name);
  } catch (error) {
    if (!isNodeError(error) || error.code !== 'ESRCH') throw error;
  }
}

/** Answers of the runtime to the child. */
function feed(caller: ClientStream, pipe: Writable): void {
  // A child that ends without reading everything is no failure of the relay.
  pipe.on('error', () => pipe.destroy());
  caller.onLost(() => {
    pipe.end();
  });
  caller.onPayload(async (payload) => {
    if (payload === null) pipe.end();
    else if (!pipe.destroyed && !pipe.write(payload)) {
      await drained(pipe);
    }
  });
}

/** Resolves when it takes more, or never will. */
function drained(pipe: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      pipe.off('drain', done);
      pipe.off('close', done);
      resolve();
    };
    pipe.once('drain', done);
    pipe.once('close', done);
  });
}

async function relayFrames(pipe: Readable, caller: ClientStream): Promise<void> {
  for await (const chunk of pipe as AsyncIterable<Buffer>) await caller.write(chunk);
  caller.end();
}

/** What the entrypoint says of its failure; undefined when it says nothing. */
async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    // There is none when it succeeded, and half of one when it was killed: the exit code says the rest.
    return undefined;
  }
}

function unexplained(code: number | null, killedBy: NodeJS.Signals | null): RunError | null {
  if (code === 0) return null;
  const how = killedBy === null ? `exit code ${String(code)}` : killedBy;
  return {
    kind: 'user',
    type: 'SystemExit',
    message: `The local entrypoint's process ended with ${how}.`,
    traceback: [],
  };
}
