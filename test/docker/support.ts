/** What tests with a real Docker engine share: the engine that was started for the suite. */
import Docker from 'dockerode';
import type { Gpu } from '../../runtime/protocol/methods';
import { createDockerEngine } from '../../runtime/engines/docker/dockerEngine';
import { Harness, PYTHON_PACKAGES, type HarnessOptions } from '../runtime/scheduling/harness';

/** Variables that scripts/docker/daemon.mjs sets for this suite. */
function named(variable: string): string {
  const value = process.env[variable];
  if (value === undefined) throw new Error(`${variable} is not set: run \`npm test -- docker\`.`);
  return value;
}

/** An image with Python 3.11 and pip that is in the engine already. */
export const baseImage = (): string => named('VELAR_TEST_DOCKER_BASE');

/** Address of this machine as containers reach it. */
export const gateway = (): string => named('VELAR_TEST_DOCKER_GATEWAY');

/** No machine of the tests has a card: these are told to the runtime. */
export const CARDS: Gpu[] = [0, 1].map((index) => ({
  index,
  uuid: `GPU-0000000${index}-0000-0000-0000-000000000000`,
  name: 'NVIDIA L4',
  model: 'L4',
  memoryTotalBytes: 24_000_000_000,
  memoryUsedBytes: 0,
}));

/** A client of the suite's engine, apart from the product's own. */
export function dockerClient(host = named('DOCKER_HOST')): Docker {
  return new Docker({ socketPath: host.replace('unix://', '') });
}

/** The scheduler on the suite's engine; what carries its runtime's label is gone when it is closed. */
export async function openDocker(
  options: HarnessOptions & { network?: string; host?: string } = {},
): Promise<Harness> {
  const { network, host = process.env['DOCKER_HOST'], ...rest } = options;
  return Harness.open({
    makeEngine: ({ home, store }) =>
      createDockerEngine({
        home,
        runtime: store.runtimeId,
        pythonPackages: PYTHON_PACKAGES,
        shared: store,
        volumes: store.volumes,
        pythonVersion: () => Promise.resolve('3.11'),
        environment: {
          DOCKER_HOST: host,
          ...(network === undefined ? {} : { VELAR_DOCKER_NETWORK: network }),
        },
        logger: { info: () => undefined, warn: () => undefined },
      }),
    ...rest,
  });
}

/** Containers of a harness's runtime as Docker has them, ended ones included. */
export async function containersOf(
  harness: Harness,
  client = dockerClient(),
): Promise<Docker.ContainerInfo[]> {
  return client.listContainers({
    all: true,
    filters: { label: [`velar.runtime=${harness.store.runtimeId}`] },
  });
}

/** A file whose app uses the base image; `options` go into the decorator. */
export function dockerApp(body: string, options = ''): Record<string, string> {
  return {
    'app.py': [
      'import velar',
      `image = velar.Image.from_registry(${JSON.stringify(baseImage())})`,
      'app = velar.App("test")',
      '',
      `@app.function(image=image${options === '' ? '' : `, ${options}`})`,
      body,
      '',
    ].join('\n'),
  };
}
