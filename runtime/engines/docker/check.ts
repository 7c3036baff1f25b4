/** What `velar doctor` says of Docker. */
import { VelarError } from '../../protocol/errors';
import type { Check } from '../../protocol/methods';
import { connectDocker } from './connect';
import { deviceAccess } from './deviceRequest';

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
    const gpu = GPU_TEXTS[deviceAccess(host.devices)];
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

const GPU_TEXTS = {
  nvidia: 'GPUs by way of the NVIDIA runtime',
  cdi: 'GPUs by way of CDI',
  none: 'without the NVIDIA Container Toolkit',
} as const;
