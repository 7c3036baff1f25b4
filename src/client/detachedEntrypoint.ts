/** Starts local entrypoints in processes of their own, see entrypointProcess.ts. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { VelarError } from '../../runtime/protocol/errors';
import type { ClientConnection, RunHandle, RuntimeAddress, RunRequest } from './api';
import {
  entrypointAnswerSchema,
  type EntrypointAnswer,
  type EntrypointOrder,
} from './entrypointOrder';
import type { LocalPython } from './localEntrypoint';
import { startWith, type Bundler, type Overlay } from './runs';

export interface EntrypointHost {
  /** Absolute path of dist/entrypoint.js. */
  script: string;
  /** Node, or Electron (then it is told to behave as Node). */
  execPath: string;
  /** The runtime of the connection. */
  address: RuntimeAddress;
  /** Told to the runtime. */
  client: { name: string; version: string };
  python: LocalPython;
}

/**
 * Like `startLocalEntrypoint`, but it goes on without this process: whoever attaches to the run later sees what it
 * does, and a cancel of the run ends it.
 */
export function startDetachedEntrypoint(
  connection: ClientConnection,
  bundler: Bundler,
  host: EntrypointHost,
  request: RunRequest,
  overlay: Overlay = new Map(),
): RunHandle {
  return startWith(connection, bundler, request, overlay, async (run, signal, shipped, going) => {
    const { root, file, qualname, kind, cpu } = request;
    const child = start(host);
    const exited = exitOf(child);
    try {
      await accepted(child, {
        address: host.address,
        client: host.client,
        run,
        python: host.python,
        request: { root, file, qualname, kind, arguments: request.arguments, cpu },
        overlay: [...overlay],
        shipped: { bundle: shipped.bundle, files: [...shipped.files] },
      });
    } catch (error) {
      if (signal.aborted) return;
      const { message, hint } = VelarError.from(error);
      const told = hint === undefined ? {} : { hint };
      await finish(connection, run, message, told);
      return;
    }
    going();
    const { code, closed } = await Promise.race([exited, closing(connection)]);
    if (closed || code === 0) return;
    await finish(connection, run, 'The process of the local entrypoint was ended from outside.', {
      hint: 'Run it again. If it happens again, look for what ends processes, such as a lack of memory.',
    });
  });
}

interface End {
  code: number | null;
  /** It goes on, and we don't learn of its end. */
  closed: boolean;
}

function start({ execPath, script }: EntrypointHost): ChildProcess {
  const child = spawn(execPath, [script], {
    env: {
      ...process.env,
      ...(process.versions['electron'] === undefined ? {} : { ELECTRON_RUN_AS_NODE: '1' }),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
    windowsHide: true,
  });
  child.unref();
  return child;
}

function exitOf(child: ChildProcess): Promise<End> {
  return new Promise((resolve) => {
    child.once('exit', (code) => {
      resolve({ code, closed: false });
    });
    // Told by the answer that does not come.
    child.once('error', () => {
      resolve({ code: null, closed: false });
    });
  });
}

function closing(connection: ClientConnection): Promise<End> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (connection.state.kind === 'closed') resolve({ code: null, closed: true });
    };
    connection.onState(check);
    check();
  });
}

/** Gives it the order; resolves once it is on its own. Throws what kept it from that. */
async function accepted(child: ChildProcess, order: EntrypointOrder): Promise<void> {
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new VelarError('internal', 'No pipes to a process.');
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', (error) => {
      reject(
        new VelarError('internal', `A process could not be started: ${error.message}.`, {
          cause: error,
        }),
      );
    });
  });
  // One that ends before it has read everything says so by its answer.
  stdin.on('error', () => stdin.destroy());
  stdin.end(JSON.stringify(order));
  const lines = createInterface({ input: stdout });
  try {
    const said = await Promise.race([answerOf(lines), failed]);
    if ('error' in said) throw VelarError.fromWire(said.error);
  } finally {
    lines.close();
    // It is held by nothing of ours from here on.
    stdout.destroy();
  }
}

async function answerOf(lines: AsyncIterable<string>): Promise<EntrypointAnswer> {
  for await (const line of lines) return entrypointAnswerSchema.parse(JSON.parse(line));
  throw new VelarError('internal', 'The process of the local entrypoint ended at once.', {
    hint: 'Run it again.',
  });
}

/** A run that is over stays as it is. */
async function finish(
  connection: ClientConnection,
  run: string,
  message: string,
  more: { hint?: string },
): Promise<void> {
  const error = { kind: 'infrastructure' as const, message, traceback: [], ...more };
  await connection.request('run.finish', { run, error }).catch((problem: unknown) => {
    // The runtime, or the run, is gone; the run's own end says so.
    if (!(problem instanceof VelarError)) throw problem;
  });
}
