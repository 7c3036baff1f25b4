/** Warm calls over the caller protocol, one after another, and the floor that they are measured against. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { encodeWorkerMessage, WorkerFrameReader } from '../../runtime/protocol/workerFrames';
import type { ClientConnection } from '../../src/client/api';
import { newRunId } from '../../runtime/protocol/runIds';
import { startFloor } from './benchRuntime';
import { timeEach } from './statistics';

/** Samples of each series. */
export const CALLS = 3_000;
/** Until client, runtime and floor run compiled code: what a session of work sees. */
export const WARM_UP = 3_000;

/**
 * Durations in ms of calls of `echo(number)` of app `bench` in app.py of a bundle, made by its local entrypoint
 * `main`, whose part this process plays.
 */
export async function callSamples(connection: ClientConnection, bundle: string): Promise<number[]> {
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

/** Durations in ms of ws → pipe → Python → pipe → ws. */
export async function floorSamples(python: string): Promise<number[]> {
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
