/** What `velar doctor` says of Docker. */
import { existsSync, readdirSync } from 'node:fs';
import { VelarError } from '../../protocol/errors';
import type { Check } from '../../protocol/methods';
import { connectDocker } from './connect';

/**
 * `wanted`: the runtime places containers with Docker, so that a fault of Docker's is one of the runtime;
 * else it is a fact about what could be used. Never rejects.
 */
export async function checkDocker(
  environment: Readonly<Record<string, string | undefined>>,
  wanted: boolean,
): Promise<Check> {
  try {
    const host = await connectDocker(environment);
    const gpu = gpuAccess(host.runtimes, host.cdiFolders);
    const use = wanted ? '' : '; `velar serve --engine docker` would use it';
    return {
      name: 'docker',
      ok: true,
      detail: `Docker ${host.version} at ${host.socket}, ${gpu}${use}.`,
      remedy: null,
    };
  } catch (error) {
    const { message, hint } = VelarError.from(error);
    const detail = wanted ? message : `Not used. ${message}`;
    return { name: 'docker', ok: !wanted, detail, remedy: wanted ? (hint ?? null) : null };
  }
}

function gpuAccess(runtimes: readonly string[], cdiFolders: readonly string[]): string {
  if (runtimes.includes('nvidia')) return 'GPUs by way of the NVIDIA runtime';
  const specified = cdiFolders.some(
    (folder) => existsSync(folder) && readdirSync(folder).some((name) => /nvidia/i.test(name)),
  );
  return specified ? 'GPUs by way of CDI' : 'without the NVIDIA Container Toolkit';
}
