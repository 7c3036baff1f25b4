/**
 * Debugging: a step over the runtime against debugpy attached directly over the loopback (goal at most 1.5 times), and
 * what debugging adds to a warm run until its first stop (goal at most 1500 ms).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { RunHandle } from '../src/client/api';
import { openDebugChannel } from '../src/client/debugChannel';
import { startRun } from '../src/client/runs';
import { DapClient } from '../test/support/dapClient';
import { debugState } from '../test/support/debugState';
import { startBenchRuntime, succeeds, type BenchRuntime } from './support/benchRuntime';
import { figure, median, timeEach, type Figure } from './support/statistics';

export const name = 'debug';

const STEPS = 200;
const STARTS = 5;
/** The body is the same in both, so that each step does the same. */
const BODY = ['    total = 0', '    while True:', '        total += 1', '        total -= 1'];
const APP = [
  'import velar', // 1
  'app = velar.App("bench")',
  '@app.function()',
  'def walk(forever: bool) -> int:', // 4
  '    if not forever:', // 5
  '        return 0',
  ...BODY, // 7 to 10
].join('\n');
const DIRECT = (packages: string): string =>
  [
    'import sys',
    `sys.path.insert(0, ${JSON.stringify(packages)})`,
    'import debugpy',
    'def walk():', // 4
    '    pass', // 5
    '    pass',
    ...BODY, // 7 to 10
    'print(debugpy.listen(("127.0.0.1", 0))[1], flush=True)',
    'debugpy.wait_for_client()',
    'walk()',
  ].join('\n');

export async function* run(): AsyncGenerator<Figure> {
  const runtime = await startBenchRuntime();
  try {
    const root = await runtime.workspace({ 'app.py': APP });
    const warmed = await begin(runtime, root);
    await end(warmed);
    const starts: number[] = [];
    const warm: number[] = [];
    for (let round = 0; round < STARTS; round += 1) {
      warm.push(...(await timeEach(1, () => succeeds(walk(runtime, root, false, false)))));
      const started = performance.now();
      const session = await begin(runtime, root);
      starts.push(performance.now() - started);
      await end(session);
    }
    const added = median(starts) - median(warm);
    yield figure('debugStart: first stop over a warm run', added, 'ms', null);
    const session = await begin(runtime, root);
    const through = await steps(session);
    await end(session);
    const packages = join(runtime.home, 'debugpy', session.python);
    yield figure(
      'debugStep p50',
      median(through),
      'ms',
      median(await directSteps(runtime, packages)),
    );
  } finally {
    await runtime.dispose();
  }
}

interface Session {
  run: RunHandle;
  dap: DapClient;
  thread: number;
  /** Such as `3.11`. */
  python: string;
}

function walk(runtime: BenchRuntime, root: string, forever: boolean, debug: boolean): RunHandle {
  return startRun(runtime.connection, runtime.bundler, {
    root,
    file: 'app.py',
    qualname: 'walk',
    kind: 'function',
    arguments: { args: [{ json: forever }], kwargs: {} },
    cpu: false,
    debug,
  });
}

/** A debug run that stands still for the first time. */
async function begin(runtime: BenchRuntime, root: string): Promise<Session> {
  const run = walk(runtime, root, true, true);
  const waiting = await debugState(run, 'waiting');
  const stream = await openDebugChannel(runtime.connection, run.run);
  const dap = new DapClient({
    write: (bytes) => {
      // A session that is lost fails what waits for its answers.
      stream.write(bytes).catch(() => undefined);
    },
    onBytes: (reader) => {
      stream.onPayload(reader);
    },
  });
  await dap.attach({ [`${waiting.root}/app.py`]: [{ line: 5 }] });
  const { thread } = await dap.stopped();
  const python = (waiting.python ?? '').split('.').slice(0, 2).join('.');
  return { run, dap, thread, python };
}

async function end({ run }: Session): Promise<void> {
  await run.cancel();
  await run.ended;
}

/** Durations in ms from asking for a step to the next stop. */
async function steps({ dap, thread }: Pick<Session, 'dap' | 'thread'>): Promise<number[]> {
  const step = async (): Promise<void> => {
    const stopped = dap.event('stopped');
    dap.send('next', { threadId: thread });
    await stopped;
  };
  await timeEach(STEPS / 4, step);
  return timeEach(STEPS, step);
}

async function directSteps(runtime: BenchRuntime, packages: string): Promise<number[]> {
  const root = await runtime.workspace({ 'direct.py': DIRECT(packages) });
  const script = join(root, 'direct.py');
  const child = spawn(runtime.python, ['-X', 'frozen_modules=off', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [port] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const socket = connectTcp(Number(port), '127.0.0.1').setNoDelay(true);
    const dap = new DapClient({
      write: (bytes) => socket.write(bytes),
      onBytes: (reader) => {
        socket.on('data', reader);
      },
    });
    await dap.attach({ [script]: [{ line: 5 }] });
    const { thread } = await dap.stopped();
    const samples = await steps({ dap, thread });
    socket.destroy();
    return samples;
  } finally {
    child.kill('SIGKILL');
  }
}
