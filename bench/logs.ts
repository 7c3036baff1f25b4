/** 100,000 printed lines until the client has the last. Goal: none lost, 100,000 lines/s or better. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startRun } from '../src/client/runs';
import { startBenchRuntime, succeeds, type BenchRuntime } from './support/benchRuntime';
import { figure, type Figure } from './support/statistics';

export const name = 'logs';

const LINES = 100_000;

const APP = `
import velar
app = velar.App("bench")

@app.function()
def flood(lines: int) -> int:
    for number in range(lines):
        print(f"{number:>8} a line of about eighty characters, as a training loop prints them")
    return lines
`;

export async function* run(): AsyncGenerator<Figure> {
  const runtime = await startBenchRuntime();
  try {
    const root = await runtime.workspace({ 'app.py': APP });
    await flood(runtime, root, 1);
    const floor = await pipeRate(runtime.python);
    const { rate, lost } = await flood(runtime, root, LINES);
    yield figure('log lines to the client', rate, 'lines/s', floor);
    yield figure('log lines lost of 100,000', lost, 'lines', null);
  } finally {
    await runtime.dispose();
  }
}

/** Lines per second from the first line received to the last, and how many numbers never came. */
async function flood(
  { connection, bundler }: BenchRuntime,
  root: string,
  lines: number,
): Promise<{ rate: number; lost: number }> {
  const handle = startRun(connection, bundler, {
    root,
    file: 'app.py',
    qualname: 'flood',
    kind: 'function',
    arguments: { args: [{ json: lines }], kwargs: {} },
    cpu: false,
  });
  let started = 0;
  let ended = 0;
  let next = 0;
  handle.onLog((received) => {
    started ||= performance.now();
    ended = performance.now();
    for (const { text } of received) {
      if (Number(text.slice(0, 8)) === next) next += 1;
    }
  });
  await succeeds(handle);
  return { rate: lines / ((ended - started) / 1000), lost: lines - next };
}

/** The same prints through one pipe into a reader that only counts. */
async function pipeRate(python: string): Promise<number> {
  const code = APP.replace(/import velar\napp.*\n/, '').replace('@app.function()', '');
  const child = spawn(python, ['-c', `${code}\nflood(${LINES})`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let started = 0;
  let lines = 0;
  child.stdout.on('data', (data: Buffer) => {
    started ||= performance.now();
    for (const byte of data) if (byte === 10) lines += 1;
  });
  await once(child, 'close');
  if (lines !== LINES) throw new Error(`The floor printed ${String(lines)} lines.`);
  return LINES / ((performance.now() - started) / 1000);
}
