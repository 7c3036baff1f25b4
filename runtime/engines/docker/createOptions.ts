/** What a container is created with: mounts, limits, hardening, cards. Pure. */
import { createHash } from 'node:crypto';
import type { ContainerCreateOptions } from 'dockerode';
import type { FunctionOptions } from '../../protocol/description';
import type { Gpu } from '../../protocol/methods';
import type { DeviceRequest } from './deviceRequest';
import { HARDENED } from './hardening';

/** Where things lie inside of a container. */
export const INSIDE = {
  packages: '/velar/python',
  blobs: '/velar/blobs',
  debugpy: '/velar/debugpy',
  link: '/velar/link',
  work: '/velar/work',
  home: '/velar/home',
  /** Downloaded models, shared by all functions. */
  models: '/velar/models',
} as const;

/** Labels of everything that is ours. */
export const LABEL = {
  /** Id of the runtime that it belongs to. */
  runtime: 'velar.runtime',
  container: 'velar.container',
  app: 'velar.app',
  image: 'velar.image',
  /** What it can be used for by a runtime that is started again, which its worker tells its token. */
  pool: 'velar.pool',
  token: 'velar.token-sha256',
  gpus: 'velar.gpus',
} as const;

const MEBIBYTE = 1024 * 1024;
/** Threads and processes: room for data loaders, none for a fork bomb. */
const PIDS_LIMIT = 4096;
/** Docker's own 64 MiB are too little for PyTorch's data loaders. Counts only as far as it is used. */
const SHM_BYTES = 2 * 1024 * MEBIBYTE;
/** Part of the machine's memory that a function without `memory` may use. */
const DEFAULT_MEMORY_SHARE = 0.9;
/** A worker whose runtime is gone waits so long for it to be started again, and then ends. */
const LEASE_MS = 30_000;
/** Of the supervisor's own words, for errors. */
const KEPT_OUTPUT = { 'max-size': '64k', 'max-file': '1' };

export interface ContainerRequest {
  container: string;
  runtime: string;
  app: string;
  /** Image id, and the key of ours that it was made for. */
  image: { id: string; key: string; python: string };
  pool: string;
  /** Cards that it may use; none on CPU. */
  gpus: readonly Gpu[];
  /** How the engine is asked for them. */
  devices: DeviceRequest | undefined;
  device: 'cpu' | 'gpu';
  limits: Pick<FunctionOptions, 'cpu' | 'memoryMiB'>;
  host: { memoryBytes: number };
  /** Folders of this machine. */
  folders: { packages: string; blobs: string; debugpy: string; link: string };
  socketName: string;
  token: string;
  /** Folder of this machine by path in the container. */
  volumes: readonly { folder: string; path: string }[];
  environment: Readonly<Record<string, string>>;
  /** `uid:gid` that the worker runs as. */
  user: string;
  /** Docker network; the engine's default one where it is not given. */
  network: string | undefined;
}

export function createOptions(request: ContainerRequest): ContainerCreateOptions {
  const { image, folders, limits, user } = request;
  const memory = memoryLimit(request);
  return {
    name: `velar-${request.container}`,
    Image: image.id,
    Entrypoint: [image.python, '-m', 'velar_worker'],
    Cmd: [],
    User: user,
    WorkingDir: INSIDE.work,
    Env: Object.entries(environmentOf(request)).map(([name, value]) => `${name}=${value}`),
    Labels: {
      [LABEL.runtime]: request.runtime,
      [LABEL.container]: request.container,
      [LABEL.app]: request.app,
      [LABEL.image]: image.key,
      [LABEL.pool]: request.pool,
      [LABEL.token]: createHash('sha256').update(request.token).digest('hex'),
      [LABEL.gpus]: request.gpus.map((gpu) => gpu.uuid).join(','),
    },
    // No health check of the image's own: the worker's connection tells more, at once.
    Healthcheck: { Test: ['NONE'] },
    StopSignal: 'SIGTERM',
    HostConfig: {
      Init: true,
      ...HARDENED,
      PidsLimit: PIDS_LIMIT,
      Memory: memory,
      // Without swap: a function that needs more is ended, not slowed to a crawl.
      MemorySwap: memory,
      ...(limits.cpu === null ? {} : { NanoCpus: Math.round(limits.cpu * 1e9) }),
      ShmSize: SHM_BYTES,
      Tmpfs: {
        '/tmp': 'rw,exec,nosuid,nodev,mode=1777',
        [INSIDE.work]: `rw,exec,nosuid,nodev,mode=0700,${owner(user)}`,
        [INSIDE.home]: `rw,exec,nosuid,nodev,mode=0700,${owner(user)}`,
      },
      Binds: [
        `${folders.packages}:${INSIDE.packages}:ro`,
        `${folders.blobs}:${INSIDE.blobs}:ro`,
        `${folders.debugpy}:${INSIDE.debugpy}:ro`,
        `${folders.link}:${INSIDE.link}:ro`,
        ...request.volumes.map(({ folder, path }) => `${folder}:${path}:rw`),
      ],
      LogConfig: { Type: 'json-file', Config: KEPT_OUTPUT },
      RestartPolicy: { Name: 'no' },
      ...(request.network === undefined ? {} : { NetworkMode: request.network }),
      ...(request.devices === undefined ? {} : { DeviceRequests: [request.devices] }),
    },
  };
}

/** Memory that a container may use, in bytes. */
export function memoryLimit({ limits, host }: Pick<ContainerRequest, 'limits' | 'host'>): number {
  if (limits.memoryMiB !== null) return Math.round(limits.memoryMiB * MEBIBYTE);
  return Math.floor(host.memoryBytes * DEFAULT_MEMORY_SHARE);
}

function environmentOf(request: ContainerRequest): Record<string, string> {
  return {
    ...request.environment,
    HOME: INSIDE.home,
    PYTHONPATH: INSIDE.packages,
    PYTHONUNBUFFERED: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    VELAR_SOCKET: `${INSIDE.link}/${request.socketName}`,
    VELAR_TOKEN: request.token,
    VELAR_CONTAINER: request.container,
    VELAR_BLOBS: INSIDE.blobs,
    VELAR_WORKDIR: INSIDE.work,
    VELAR_DEVICE: request.device,
    VELAR_LEASE_MS: String(LEASE_MS),
    // Images for CUDA ask for every card, which a host whose default runtime is NVIDIA's would give.
    ...(request.gpus.length === 0 ? { NVIDIA_VISIBLE_DEVICES: 'void' } : {}),
  };
}

function owner(user: string): string {
  const [uid = '0', gid = '0'] = user.split(':');
  return `uid=${uid},gid=${gid}`;
}
