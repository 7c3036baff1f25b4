/** A run of a trivial function in a warm container, from the request to its last event. Goal: p50 at most 3 times the floor. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { RunEvent } from '../runtime/protocol/events';
import { newRunId, startRun } from '../src/client/runs';
import { bundleId } from '../runtime/protocol/bundles';
import { startBenchRuntime, startFloor, succeeds, type BenchRuntime } from './support/benchRuntime';
import { figure, median, percentile, timeEach, type Figure } from './support/statistics';

export const name = 'warmCall';

const CALLS = 1_000;
const WARM_UP = 200;

const APP = `
import velar
app = velar.App("bench")

@app.function()
def echo(number: int) -> int:
    return number
`;

export async function* run(): AsyncGenerator<Figure> {
  const runtime = await startBenchRuntime();
  try {
    const floor = await floorSamples(runtime.python);
    const samples = await callSamples(runtime);
    yield figure('warm call p50', median(samples), 'ms', median(floor));
    yield figure('warm call p99', percentile(samples, 0.99), 'ms', percentile(floor, 0.99));
  } finally {
    await runtime.dispose();
  }
}

async function callSamples(runtime: BenchRuntime): Promise<number[]> {
  const { connection, bundler } = runtime;
  const root = await runtime.workspace({ 'app.py': APP });
  const target = { file: 'app.py', qualname: 'echo', kind: 'function' } as const;
  const numbered = (number: number) => ({ args: [{ json: number }], kwargs: {} });
  await succeeds(
    startRun(connection, bundler, { root, ...target, arguments: numbered(0), cpu: false }),
  );
  const content = await bundler.build(root, 'app.py', new Map(), new AbortController().signal);
  const bundle = bundleId(content.files);
  const call = async (index: number): Promise<void> => {
    const id = newRunId();
    const ended = endedWith(connection.onRunEvents.bind(connection), id);
    await connection.request('run.start', {
      ...target,
      run: id,
      bundle,
      arguments: numbered(index),
      cpu: false,
    });
    const value = await ended;
    if (value !== index) throw new Error(`Asked ${String(index)}, got ${String(value)}.`);
  };
  await timeEach(WARM_UP, call);
  return timeEach(CALLS, call);
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

async function floorSamples(python: string): Promise<number[]> {
  const server = await startFloor(python);
  const socket = new WebSocket(server.url, { perMessageDeflate: false });
  try {
    await once(socket, 'open');
    const message = Buffer.alloc(256, 'x');
    const echo = async (): Promise<void> => {
      const answer = once(socket, 'message');
      socket.send(message);
      await answer;
    };
    await timeEach(WARM_UP, echo);
    return await timeEach(CALLS, echo);
  } finally {
    socket.close();
    await server.dispose();
  }
}
