/**
 * The Docker engine. Goals: a cold start with the image at hand takes at most 150 ms more than `docker run`
 * with the same flags and `python3 -c pass`; a warm call's p50 is at most 4 times its floor; of 16 containers
 * none is left behind.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { startDocker } from '../scripts/docker/daemon.mjs';
import { createOptions } from '../runtime/engines/docker/createOptions';
import { bundleId } from '../runtime/protocol/bundles';
import { startRun } from '../src/client/runs';
import {
  startBenchRuntime,
  stopContainers,
  succeeds,
  type BenchRuntime,
} from './support/benchRuntime';
import { figure, median, type Figure } from './support/statistics';
import { openCalls, openFloor, sideBySide } from './support/warmCalls';

export const name = 'docker';

const COLD_STARTS = 7;
const CONTAINERS = 16;

const app = (image: string): string => `
import time
import velar
app = velar.App("bench")
image = velar.Image.from_registry("${image}")

@app.function(image=image)
def echo(number: int) -> int:
    return number

@app.function(image=image, max_containers=${CONTAINERS}, scaledown_window=1, cpu=0.1)
def wait(number: int) -> int:
    time.sleep(2)
    return number

@app.function(image=image)
def spread() -> int:
    return len(set(wait.map(range(${CONTAINERS}))))

@app.local_entrypoint()
def main() -> None:
    pass
`;

export async function* run(): AsyncGenerator<Figure> {
  const docker = await startDocker();
  Object.assign(process.env, docker.env);
  try {
    const runtime = await startBenchRuntime('docker');
    try {
      yield* figures(runtime, docker.env['VELAR_TEST_DOCKER_BASE'] ?? '');
    } finally {
      await runtime.dispose();
    }
  } finally {
    await docker.stop();
  }
}

async function* figures(runtime: BenchRuntime, image: string): AsyncGenerator<Figure> {
  const root = await runtime.workspace({ 'app.py': app(image) });
  const { connection, bundler } = runtime;
  const start = async (qualname: string, args: number[]): Promise<number> => {
    const began = performance.now();
    const values = { args: args.map((json) => ({ json })), kwargs: {} };
    const target = { root, file: 'app.py', qualname, kind: 'function' } as const;
    await succeeds(startRun(connection, bundler, { ...target, arguments: values, cpu: false }));
    return performance.now() - began;
  };
  // The first describes the app and looks at the image; it is no cold start of a container alone.
  await start('echo', [1]);
  const plain: number[] = [];
  const cold: number[] = [];
  for (let time = 0; time < COLD_STARTS; time += 1) {
    await stopContainers(runtime.connection);
    plain.push(await dockerRun(image));
    cold.push(await start('echo', [time]));
  }
  const beyond = median(cold) - median(plain);
  yield figure('cold start, image at hand', median(cold), 'ms', median(plain));
  yield figure('cold start beyond docker run', beyond, 'ms', null);

  const content = await bundler.build(root, 'app.py', new Map(), new AbortController().signal);
  const [calls, floor] = await sideBySide(
    await openCalls(connection, bundleId(content.files)),
    await openFloor(runtime.python),
  );
  yield figure('warm call through Docker p50', median(calls), 'ms', median(floor));

  const took = await start('spread', []);
  yield figure(`${CONTAINERS} containers up, by .map`, took, 'ms', null);
  await stopContainers(runtime.connection);
  yield figure(`containers left of ${CONTAINERS}`, await countContainers(), 'containers', null);
}

/** ms of `docker run` with the flags of our own containers. */
async function dockerRun(image: string): Promise<number> {
  const { HostConfig, User } = createOptions({
    container: 'floor',
    runtime: 'floor',
    app: 'floor',
    image: { id: image, key: 'floor', python: 'python3' },
    pool: 'floor',
    gpus: [],
    devices: undefined,
    device: 'cpu',
    limits: { cpu: null, memoryMiB: 1024 },
    host: { memoryBytes: 0 },
    folders: { packages: '/usr', blobs: '/usr', debugpy: '/usr', link: '/usr' },
    socketName: 'none',
    token: 'none',
    volumes: [],
    environment: {},
    user: '65534:65534',
    network: undefined,
  });
  const flags = [
    ...['--init', '--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
    ...['--pids-limit', String(HostConfig?.PidsLimit), '--user', String(User)],
    ...['--memory', String(HostConfig?.Memory), '--memory-swap', String(HostConfig?.MemorySwap)],
    ...['--shm-size', String(HostConfig?.ShmSize)],
    ...Object.entries(HostConfig?.Tmpfs ?? {}).flatMap(([path, how]) => [
      '--tmpfs',
      `${path}:${how}`,
    ]),
    ...(HostConfig?.Binds ?? []).flatMap((bind) => ['-v', bind]),
  ];
  const began = performance.now();
  await promisify(execFile)('docker', ['run', '--rm', ...flags, image, 'python3', '-c', 'pass']);
  return performance.now() - began;
}

async function countContainers(): Promise<number> {
  const { stdout } = await promisify(execFile)('docker', [
    ...['ps', '-a', '-q', '--filter', 'label=velar.runtime'],
  ]);
  return stdout.split('\n').filter(Boolean).length;
}
