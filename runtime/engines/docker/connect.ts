/** Finds the Docker engine of this machine, and says exactly what to do where it can't be used. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import * as z from 'zod';
import { VelarError } from '../../protocol/errors';
import { KIND, type EngineDevices } from './deviceRequest';
import { engineFault } from './failures';

/** Docker 20.10, the oldest that this was tried with. */
const OLDEST_API = '1.41';
/** Docker 28.2, the first whose `/info` lists the CDI devices that it found. */
const TELLS_DEVICES_API = '1.50';
/** Through which WSL 2 gives its machine the cards of Windows. */
const WSL_DEVICE = '/dev/dxg';
const DEFAULT_SOCKET = '/var/run/docker.sock';

type Environment = Readonly<Record<string, string | undefined>>;

export interface DockerHost {
  docker: Docker;
  /** Path of the engine's socket. */
  socket: string;
  /** The engine's own version, such as `28.1.0`. */
  version: string;
  /** Version of its API, such as `1.49`. */
  api: string;
  memoryBytes: number;
  cpus: number;
  devices: EngineDevices;
}

/** Throws `unsupported`, `unreachable`, `unauthorised`: each names the remedy. */
export async function connectDocker(environment: Environment): Promise<DockerHost> {
  const socket = socketOf(environment);
  const client = await import('./client');
  const docker = new client.Docker({ socketPath: socket });
  let version: Docker.DockerVersion;
  let info: unknown;
  try {
    version = await docker.version();
    info = await docker.info();
  } catch (error) {
    throw unusable(error, socket);
  }
  if (compareVersions(version.ApiVersion, OLDEST_API) < 0) {
    throw new VelarError(
      'unsupported',
      `Docker ${version.Version} is too old: its API is ${version.ApiVersion}, and ${OLDEST_API} is needed.`,
      { hint: 'Upgrade to Docker 20.10 or newer (https://docs.docker.com/engine/install/).' },
    );
  }
  const known = infoSchema.parse(info);
  return {
    docker,
    socket,
    version: version.Version,
    api: version.ApiVersion,
    memoryBytes: known.MemTotal,
    cpus: known.NCPU,
    devices: devicesOf(known, version.ApiVersion),
  };
}

/** What the engine says now of the ways to give cards to containers. Rejects where it doesn't answer. */
export async function engineDevices({ docker, api }: DockerHost): Promise<EngineDevices> {
  return devicesOf(infoSchema.parse(await docker.info()), api);
}

const infoSchema = z.object({
  MemTotal: z.number(),
  NCPU: z.number(),
  Runtimes: z.record(z.string(), z.unknown()).default({}),
  CDISpecDirs: z.array(z.string()).nullish(),
  DiscoveredDevices: z.array(z.object({ ID: z.string() })).nullish(),
});

function devicesOf(info: z.infer<typeof infoSchema>, api: string): EngineDevices {
  return {
    runtimes: Object.keys(info.Runtimes),
    cdiDevices: cdiDevicesOf(info, api),
    cardsApart: !existsSync(WSL_DEVICE),
  };
}

function cdiDevicesOf(
  { CDISpecDirs, DiscoveredDevices }: z.infer<typeof infoSchema>,
  api: string,
): EngineDevices['cdiDevices'] {
  if (compareVersions(api, TELLS_DEVICES_API) >= 0) {
    // Left out where none was found.
    const names = (DiscoveredDevices ?? []).map(({ ID }) => ID);
    return names.filter((name) => name.startsWith(`${KIND}=`));
  }
  return (CDISpecDirs ?? []).some(hasSpecification) ? 'unlisted' : [];
}

/** True where a folder has a CDI specification of NVIDIA's cards. */
function hasSpecification(folder: string): boolean {
  try {
    const files = readdirSync(folder).filter((name) => /\.(json|yaml)$/.test(name));
    return files.some((name) => readFileSync(join(folder, name), 'utf8').includes(KIND));
  } catch {
    // Most folders that an engine looks into are not there; what can't be read may be the engine's to read.
    return false;
  }
}

/**
 * The socket that the `docker` command would use: DOCKER_HOST, else the context, else the usual place.
 * Throws `unsupported` for an engine on another machine, whose containers could not reach this runtime's socket.
 */
export function socketOf(environment: Environment): string {
  if (process.platform !== 'linux') {
    throw new VelarError('unsupported', 'The Docker engine is supported on Linux only.', {
      hint: 'Start `velar serve --engine docker` on a Linux machine and pair with it, or use the process engine.',
    });
  }
  const host = nonEmpty(environment['DOCKER_HOST']) ?? hostOfContext(environment);
  if (host === undefined) return DEFAULT_SOCKET;
  if (host.startsWith('unix://')) return host.slice('unix://'.length);
  throw new VelarError(
    'unsupported',
    `Docker at ${host} is not on this machine, and its containers could not reach this runtime.`,
    {
      hint: 'Start `velar serve --engine docker` on that machine and pair with it, or unset DOCKER_HOST and the Docker context.',
    },
  );
}

const contextSchema = z.object({
  Endpoints: z.object({ docker: z.object({ Host: z.string().optional() }) }),
});

/** Endpoint of the context that the Docker configuration selects; undefined for the default one. */
function hostOfContext(environment: Environment): string | undefined {
  const folder = nonEmpty(environment['DOCKER_CONFIG']) ?? join(homedir(), '.docker');
  try {
    const configured = z
      .object({ currentContext: z.string().optional() })
      .parse(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')));
    const name = nonEmpty(environment['DOCKER_CONTEXT']) ?? configured.currentContext;
    if (name === undefined || name === 'default') return undefined;
    const id = createHash('sha256').update(name).digest('hex');
    const meta = readFileSync(join(folder, 'contexts', 'meta', id, 'meta.json'), 'utf8');
    return contextSchema.parse(JSON.parse(meta)).Endpoints.docker.Host;
  } catch {
    // No configuration, or one that the `docker` command would not understand either: the usual socket.
    return undefined;
  }
}

function unusable(error: unknown, socket: string): VelarError {
  const said = error instanceof Error ? error.message : String(error);
  return (
    engineFault(error, socket) ??
    new VelarError('unreachable', `The Docker engine at ${socket} does not answer: ${said}.`, {
      hint: 'See `sudo systemctl status docker`.',
      cause: error,
    })
  );
}

/** Negative where `a` is the older of two versions such as 1.41 and 1.5. */
function compareVersions(a: string, b: string): number {
  const [left = [], right = []] = [a, b].map((text) => text.split('.').map(Number));
  return (left[0] ?? 0) - (right[0] ?? 0) || (left[1] ?? 0) - (right[1] ?? 0);
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
