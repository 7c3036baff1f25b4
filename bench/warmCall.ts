/**
 * A trivial function in a warm container: one call, as `.remote()` makes it, and one run, as a click does,
 * with its record, phases, cost and place in the store. Goal for the call: p50 at most 3 times the floor.
 */
import type { ClientConnection } from '../src/client/api';
import type { RunEvent } from '../runtime/protocol/events';
import { newRunId } from '../runtime/protocol/runIds';
import { startRun } from '../src/client/runs';
import { bundleId } from '../runtime/protocol/bundles';
import { startBenchRuntime, succeeds, type BenchRuntime } from './support/benchRuntime';
import { figure, median, percentile, type Figure } from './support/statistics';
import { openCalls, openFloor, sideBySide, type Series } from './support/warmCalls';

export const name = 'warmCall';

const APP = `
import velar
app = velar.App("bench")

@app.function()
def echo(number: int) -> int:
    return number

@app.local_entrypoint()
def main() -> None:
    pass
`;

export async function* run(): AsyncGenerator<Figure> {
  const runtime = await startBenchRuntime();
  try {
    const [calls, runs, floor] = await samplesOf(runtime);
    for (const [what, samples] of [
      ['call', calls],
      ['run', runs],
    ] as const) {
      yield figure(`warm ${what} p50`, median(samples), 'ms', median(floor));
      yield figure(`warm ${what} p99`, percentile(samples, 0.99), 'ms', percentile(floor, 0.99));
    }
  } finally {
    await runtime.dispose();
  }
}

async function samplesOf(runtime: BenchRuntime): Promise<[number[], number[], number[]]> {
  const { connection, bundler, python } = runtime;
  const root = await runtime.workspace({ 'app.py': APP });
  const target = { file: 'app.py', qualname: 'echo', kind: 'function' } as const;
  const first = { args: [{ json: 0 }], kwargs: {} };
  await succeeds(startRun(connection, bundler, { root, ...target, arguments: first, cpu: false }));
  const content = await bundler.build(root, 'app.py', new Map(), new AbortController().signal);
  const bundle = bundleId(content.files);
  return sideBySide(
    await openCalls(connection, bundle),
    runsOf(connection, bundle),
    await openFloor(python),
  );
}

function runsOf(connection: ClientConnection, bundle: string): Series {
  const run = async (index: number): Promise<void> => {
    const id = newRunId();
    const ended = endedWith(connection.onRunEvents.bind(connection), id);
    await connection.request('run.start', {
      run: id,
      bundle,
      file: 'app.py',
      qualname: 'echo',
      kind: 'function',
      arguments: { args: [{ json: index }], kwargs: {} },
      cpu: false,
    });
    const value = await ended;
    if (value !== index) throw new Error(`Asked ${String(index)}, got ${String(value)}.`);
  };
  return { once: run, close: () => Promise.resolve() };
}

/** Resolves with the run's value once its last event is there. */
function endedWith(
  subscribe: (run: string, listener: (events: readonly RunEvent[]) => void) => () => void,
  id: string,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let value: unknown;
    const stop = subscribe(id, (events) => {
      for (const event of events) {
        if (event.type === 'result' && 'value' in event.result) value = event.result.value;
        if (event.type === 'error') reject(new Error(event.error.message));
        if (event.type !== 'ended') continue;
        stop();
        resolve(value);
      }
    });
  });
}
