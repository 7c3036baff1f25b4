/** NVML, read by a long-lived Python process of ours (`velar_worker.nvml`), which ends with the runtime. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import * as z from 'zod';
import { minimalEnvironment, startChild, type ChildSpec } from '../engines/children';
import { VelarError } from '../protocol/errors';
import { cardSchema, type Card, type SampleListener, type SampleSource } from './samples';

const GRACE_MS = 500;

const lineSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hello'),
    driver: z.string().nullable(),
    at: z.number(),
    cards: z.array(cardSchema),
  }),
  z.object({ type: z.literal('sample'), at: z.number(), cards: z.array(cardSchema) }),
  z.object({ type: z.literal('failed'), message: z.string() }),
]);
type Line = z.infer<typeof lineSchema>;

type Environment = Readonly<Record<string, string | undefined>>;

/** How the sampler is started with this Python. */
export function nvmlCommand(
  python: string,
  pythonPackages: string,
  environment: Environment,
): ChildSpec {
  const { LD_LIBRARY_PATH } = environment;
  return {
    command: python,
    args: ['-S', '-m', 'velar_worker.nvml'],
    env: {
      ...minimalEnvironment(environment),
      PYTHONPATH: pythonPackages,
      // The driver's library need not lie where the system looks by itself.
      ...(LD_LIBRARY_PATH === undefined ? {} : { LD_LIBRARY_PATH }),
    },
  };
}

/** Why there is no need to try NVML, or undefined: looks for a driver without starting a process. */
export function withoutNvml(environment: Environment): string | undefined {
  if (process.platform !== 'linux') return 'NVML is read on Linux only';
  const devices = ['/dev/nvidiactl', '/dev/dxg', '/proc/driver/nvidia/version'];
  const folders = (environment['LD_LIBRARY_PATH'] ?? '').split(delimiter).filter(Boolean);
  const found = [...devices, ...folders.map((folder) => join(folder, 'libnvidia-ml.so.1'))];
  return found.some((path) => existsSync(path)) ? undefined : 'no NVIDIA driver is loaded';
}

export interface NvmlHello {
  driver: string | null;
  cards: Card[];
}

/** Starts the sampler. Rejects with `not-found` when NVML can't be used, saying why. */
export async function startNvml(
  command: ChildSpec,
  listener: SampleListener,
): Promise<SampleSource & NvmlHello> {
  const child = await startChild(command);
  let stopped = false;
  let failure: string | undefined;
  let said = '';
  let greet: (hello: Extract<Line, { type: 'hello' }>) => void = () => undefined;
  const hello = new Promise<Extract<Line, { type: 'hello' }>>((resolve) => {
    greet = resolve;
  });
  const take = (line: Line): void => {
    if (stopped) return;
    if (line.type === 'failed') failure = line.message;
    else if (line.type === 'hello') greet(line);
    else listener.sample({ at: line.at, source: 'nvml', cards: line.cards });
  };
  onLines(child.stdout, (lines) => {
    try {
      const parsed = lines.map((line) => lineSchema.parse(JSON.parse(line)));
      // After a pause there may be several samples; only the newest counts.
      const newest = parsed.findLast(({ type }) => type === 'sample');
      for (const line of parsed) if (line.type !== 'sample' || line === newest) take(line);
    } catch (error) {
      failure ??= `its sampler said what is not understood: ${String(error)}`;
      child.signal('SIGKILL');
    }
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-2000);
  });
  const ended = child.exited.then(
    ({ code, signal }) =>
      failure ??
      (said.trim() === ''
        ? `its sampler ended with ${signal ?? `code ${code ?? 'unknown'}`}`
        : `its sampler said: ${said.trim().split('\n').at(-1) ?? ''}`),
  );
  const first = await Promise.race([hello, ended]);
  if (typeof first === 'string') throw new VelarError('not-found', first);
  void ended.then((reason) => {
    if (!stopped) listener.failed(reason);
  });
  const say = (command: object): void => {
    if (!stopped) child.stdin.write(`${JSON.stringify(command)}\n`);
  };
  return {
    kind: 'nvml',
    driver: first.driver,
    cards: first.cards,
    every: (intervalMs) => say({ intervalMs }),
    once: () => say({ once: true }),
    stop: async () => {
      stopped = true;
      child.stdin.end();
      await child.stop(GRACE_MS);
    },
  };
}

/** Calls back with the whole lines of each chunk, at least one. */
export function onLines(stream: NodeJS.ReadableStream, take: (lines: string[]) => void): void {
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString('utf8')).split('\n');
    rest = lines.pop() ?? '';
    if (lines.length > 0) take(lines);
  });
}
