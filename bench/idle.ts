/** A runtime that has run something and now idles: resident memory and wake-ups. Goals: under 90 MB, none. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { startRun } from '../src/client/runs';
import { startBenchRuntime, succeeds } from './support/benchRuntime';
import { figure, type Figure } from './support/statistics';

export const name = 'idle';

const SECONDS = 10;

const APP = `
import velar
app = velar.App("bench")

@app.function(scaledown_window=1)
def one() -> int:
    return 1
`;

export async function* run(): AsyncGenerator<Figure> {
  if (process.platform !== 'linux') throw new Error('Reads /proc, which only Linux has.');
  const runtime = await startBenchRuntime();
  try {
    const root = await runtime.workspace({ 'app.py': APP });
    await succeeds(
      startRun(runtime.connection, runtime.bundler, {
        root,
        file: 'app.py',
        qualname: 'one',
        kind: 'function',
        arguments: { args: [], kwargs: {} },
        cpu: false,
      }),
    );
    await containersGone(runtime.connection.onContainers.bind(runtime.connection));
    // Node collects and writes in the background shortly after work; idle begins after that.
    await delay(12_000);
    const before = wakeUps(runtime.address.pid);
    await delay(SECONDS * 1000);
    const after = wakeUps(runtime.address.pid);
    yield figure('idle runtime resident', residentMB(runtime.address.pid), 'MB', null);
    yield figure('idle runtime wake-ups', (after - before) / SECONDS, 'per second', null);
  } finally {
    await runtime.dispose();
  }
}

function containersGone(
  subscribe: (listener: (containers: readonly unknown[]) => void) => () => void,
): Promise<void> {
  return new Promise((resolve) => {
    const stop = subscribe((containers) => {
      if (containers.length > 0) return;
      stop();
      resolve();
    });
  });
}

function residentMB(pid: number): number {
  const kB = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kB) * 1024) / 1e6;
}

/** Voluntary context switches of the main thread: it wakes once for each. */
function wakeUps(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]);
}
