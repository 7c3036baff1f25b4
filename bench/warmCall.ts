/**
 * A trivial function in a warm container: one call, as `.remote()` makes it, and one run, as a click does,
 * with its record, phases, cost and place in the store. Goal for the call: p50 at most 3 times the floor.
 */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { ClientConnection } from '../src/client/api';
import type { RunEvent } from '../runtime/protocol/events';
import { encodeWorkerMessage, WorkerFrameReader } from '../runtime/protocol/workerFrames';
import { newRunId, startRun } from '../src/client/runs';
import { bundleId } from '../runtime/protocol/bundles';
import { startBenchRuntime, startFloor, succeeds, type BenchRuntime } from './support/benchRuntime';
import { figure, median, percentile, timeEach, type Figure } from './support/statistics';

export const name = 'warmCall';

const CALLS = 3_000;
/** Until client, runtime and floor run compiled code: what a session of work sees. */
const WARM_UP = 3_000;

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
    const floor = await floorSamples(runtime.python);
    const { calls, runs } = await samplesOf(runtime);
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

async function samplesOf(runtime: BenchRuntime): Promise<{ calls: number[]; runs: number[] }> {
  const { connection, bundler } = runtime;
  const root = await runtime.workspace({ 'app.py': APP });
  const target = { file: 'app.py', qualname: 'echo', kind: 'function' } as const;
  const first = { args: [{ json: 0 }], kwargs: {} };
  await succeeds(startRun(connection, bundler, { root, ...target, arguments: first, cpu: false }));
  const content = await bundler.build(root, 'app.py', new Map(), new AbortController().signal);
  const bundle = bundleId(content.files);
  return {
    calls: await callSamples(connection, bundle),
    runs: await runSamples(connection, bundle),
  };
}

/** Calls of a local entrypoint, whose part this process plays: the caller protocol on a stream. */
async function callSamples(connection: ClientConnection, bundle: string): Promise<number[]> {
  const id = newRunId();
  const caller = connection.openStream(false);
  const output = connection.openStream(true);
  await connection.request('run.start', {
    run: id,
    bundle,
    file: 'app.py',
    qualname: 'main',
    kind: 'local_entrypoint',
    arguments: { args: [], kwargs: {} },
    cpu: false,
  });
  const streams = { callerStream: caller.id, outputStream: output.id };
  await connection.request('run.openCaller', { run: id, ...streams });
  const reader = new WorkerFrameReader();
  let answered: (body: Buffer) => void = () => undefined;
  caller.onPayload((payload) => {
    if (payload === null) return;
    for (const frame of reader.push(Buffer.from(payload))) {
      if (frame.kind !== 'message') continue;
      if ((frame.header as { type: string }).type === 'outputs') answered(frame.body);
    }
  });
  const call = async (invocation: number): Promise<void> => {
    const answer = new Promise<Buffer>((resolve) => (answered = resolve));
    const invoke = {
      type: 'invoke',
      invocation,
      app: 'bench',
      function: 'echo',
      mode: 'call',
      ordered: true,
      returnExceptions: false,
      instance: false,
    };
    const input = pickledInput(invocation % 256);
    const inputs = { type: 'inputs', invocation, first: 0, sizes: [input.byteLength], last: true };
    await caller.write(
      Buffer.concat([encodeWorkerMessage(invoke), encodeWorkerMessage(inputs, input)]),
    );
    const body = await answer;
    if (body.at(-2) !== invocation % 256) throw new Error(`Got ${body.toString('hex')}.`);
  };
  await timeEach(WARM_UP, call);
  const samples = await timeEach(CALLS, call);
  await connection.request('run.finish', { run: id, error: null });
  return samples;
}

/** Pickle, protocol 4, of `((number,), {})` for a number below 256. */
function pickledInput(number: number): Buffer {
  return Buffer.from([0x80, 4, 0x4b, number, 0x85, 0x7d, 0x86, 0x2e]);
}

async function runSamples(connection: ClientConnection, bundle: string): Promise<number[]> {
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
  await timeEach(WARM_UP, run);
  return timeEach(CALLS, run);
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
