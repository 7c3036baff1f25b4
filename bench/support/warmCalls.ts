/** Warm calls over the caller protocol, one after another, and the floor that they are measured against. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { encodeWorkerMessage, WorkerFrameReader } from '../../runtime/protocol/workerFrames';
import type { ClientConnection } from '../../src/client/api';
import { newRunId } from '../../runtime/protocol/runIds';
import { startFloor } from './benchRuntime';
import { timeEach } from './statistics';

/** Samples of each series. */
const CALLS = 3_000;
/** Until client, runtime and floor run compiled code: what a session of work sees. */
const WARM_UP = 3_000;
/** Calls of one series before it is the next one's turn. */
const TURN = 50;

/** Something that is done again and again and timed. */
export interface Series {
  once: (index: number) => Promise<void>;
  close: () => Promise<void>;
}

/**
 * Durations in ms of each series, taken in turns: what the machine does in the meantime, such as changing its clock
 * rate, befalls all of them. Closes them.
 */
export async function sideBySide<T extends readonly Series[]>(
  ...series: T
): Promise<{ [K in keyof T]: number[] }> {
  try {
    for (const { once } of series) await timeEach(WARM_UP, once);
    const samples = series.map((): number[] => []);
    for (let taken = 0; taken < CALLS; taken += TURN) {
      for (const [index, { once }] of series.entries()) {
        samples[index]?.push(...(await timeEach(TURN, once)));
      }
    }
    return samples as { [K in keyof T]: number[] };
  } finally {
    for (const { close } of series) await close();
  }
}

/**
 * Calls of `echo(number)` of app `bench` in app.py of a bundle, made by its local entrypoint `main`, whose part this
 * process plays.
 */
export async function openCalls(connection: ClientConnection, bundle: string): Promise<Series> {
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
  let invocation = 0;
  const call = async (): Promise<void> => {
    invocation += 1;
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
  const close = async (): Promise<void> => {
    await connection.request('run.finish', { run: id, error: null });
  };
  return { once: call, close };
}

/** Pickle, protocol 4, of `((number,), {})` for a number below 256. */
function pickledInput(number: number): Buffer {
  return Buffer.from([0x80, 4, 0x4b, number, 0x85, 0x7d, 0x86, 0x2e]);
}

/** ws → pipe → Python → pipe → ws. */
export async function openFloor(python: string): Promise<Series> {
  const server = await startFloor(python);
  const socket = new WebSocket(server.url, { perMessageDeflate: false });
  await once(socket, 'open');
  const message = Buffer.alloc(256, 'x');
  const echo = async (): Promise<void> => {
    const answer = once(socket, 'message');
    socket.send(message);
    await answer;
  };
  const close = async (): Promise<void> => {
    socket.close();
    await server.dispose();
  };
  return { once: echo, close };
}
