/** Containers of this runtime that it does not know of: those that an earlier process of it left. */
import type Docker from 'dockerode';
import type { LeftContainer } from '../engine';
import type { BundleShare } from './bundleShare';
import { LABEL } from './createOptions';
import { DockerContainer, remove } from './placed';

/** Finds what carries the runtime's label: what runs is `left`, what does not is removed. */
export async function findLeft(
  docker: Docker,
  runtime: string,
  shareOf: (container: string) => BundleShare,
  warn: (message: string) => void,
): Promise<{ left: (LeftContainer & { placed: DockerContainer })[]; removed: string[] }> {
  const found = await labelled(docker, runtime);
  const left: (LeftContainer & { placed: DockerContainer })[] = [];
  const removed: string[] = [];
  for (const { Id, Labels, State } of found) {
    const handle = docker.getContainer(Id);
    const container = Labels[LABEL.container] ?? Id;
    const { [LABEL.pool]: pool, [LABEL.token]: tokenDigest } = Labels;
    if (State !== 'running' || pool === undefined || tokenDigest === undefined) {
      await remove(handle);
      removed.push(container);
      continue;
    }
    const gpus = (Labels[LABEL.gpus] ?? '').split(',').filter(Boolean);
    const placed = await DockerContainer.running(container, {
      docker,
      handle,
      share: shareOf(container),
      warn,
    });
    left.push({ placed, pool, tokenDigest, gpus });
  }
  return { left, removed };
}

/** Removes whatever carries the runtime's label, running or not. Never rejects: what stays is told. */
export async function removeAll(
  docker: Docker,
  runtime: string,
  warn: (message: string) => void,
): Promise<void> {
  try {
    const found = await labelled(docker, runtime);
    await Promise.all(found.map(({ Id }) => remove(docker.getContainer(Id))));
  } catch (error) {
    // The next start of the runtime finds them.
    warn(`Docker was not asked for containers that are left: ${String(error)}`);
  }
}

function labelled(docker: Docker, runtime: string): Promise<Docker.ContainerInfo[]> {
  return docker.listContainers({
    all: true,
    filters: { label: [`${LABEL.runtime}=${runtime}`] },
  });
}
