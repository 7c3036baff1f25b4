/** `.map` over 5,000 trivial calls from a local entrypoint. Goal: 3,000/s or better. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { startLocalEntrypoint } from '../src/client/localEntrypoint';
import { distPath, startBenchRuntime, succeeds } from './support/benchRuntime';
import { figure, type Figure } from './support/statistics';

export const name = 'map';

const CALLS = 5_000;

const APP = `
import time
import velar
app = velar.App("bench")

@app.function()
def double(number: int) -> int:
    return number * 2

@app.local_entrypoint()
def main(calls: int) -> None:
    assert double.remote(1) == 2
    started = time.perf_counter()
    results = list(double.map(range(calls)))
    seconds = time.perf_counter() - started
    assert results == [number * 2 for number in range(calls)], "wrong results"
    print(f"calls/s {calls / seconds}")
`;

const POOL = `
import multiprocessing, time
def double(number): return number * 2
if __name__ == "__main__":
    with multiprocessing.Pool(2) as pool:
        pool.map(double, range(10))
        started = time.perf_counter()
        pool.map(double, range(${CALLS}), chunksize=1)
        print(f"calls/s {${CALLS} / (time.perf_counter() - started)}")
`;

export async function* run(): AsyncGenerator<Figure> {
  const runtime = await startBenchRuntime();
  try {
    const root = await runtime.workspace({ 'app.py': APP });
    const handle = startLocalEntrypoint(
      runtime.connection,
      runtime.bundler,
      { executable: runtime.python, packages: join(distPath, 'python') },
      {
        root,
        file: 'app.py',
        qualname: 'main',
        kind: 'local_entrypoint',
        arguments: { args: [{ json: CALLS }], kwargs: {} },
        cpu: false,
      },
    );
    let printed = '';
    handle.onLog((lines) => {
      printed += lines.map(({ text }) => `${text}\n`).join('');
    });
    await succeeds(handle);
    yield figure('map calls', rateIn(printed), 'calls/s', await poolRate(runtime.python));
  } finally {
    await runtime.dispose();
  }
}

function rateIn(text: string): number {
  const rate = /calls\/s ([\d.]+)/.exec(text)?.[1];
  if (rate === undefined) throw new Error(`No rate was printed: ${text}`);
  return Number(rate);
}

/** multiprocessing.Pool on the same calls, one at a time as `.map` sees them. */
async function poolRate(python: string): Promise<number> {
  const child = spawn(python, ['-c', POOL], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.on('data', (data: Buffer) => (printed += data.toString()));
  await once(child, 'close');
  return rateIn(printed);
}
