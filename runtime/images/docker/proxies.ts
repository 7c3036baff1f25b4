/** Proxies for builds, from the Docker client's configuration, as the `docker` command hands them over. */
import { readDockerConfig, type DockerConfig, type Environment } from './dockerConfig';

const ARGUMENTS = {
  httpProxy: 'HTTP_PROXY',
  httpsProxy: 'HTTPS_PROXY',
  ftpProxy: 'FTP_PROXY',
  noProxy: 'NO_PROXY',
  allProxy: 'ALL_PROXY',
} as const satisfies Record<keyof NonNullable<DockerConfig['proxies'][string]>, string>;

/**
 * Build arguments that each engine knows without an `ARG`: they reach the commands of a build, and neither the
 * image nor the build cache. Throws ImageBuildError for a configuration that can't be read.
 */
export async function proxyArguments(environment: Environment): Promise<Record<string, string>> {
  const { proxies } = await readDockerConfig(environment);
  const host = environment['DOCKER_HOST'] ?? '';
  const chosen = proxies[host] ?? proxies['default'] ?? {};
  const named = Object.entries(ARGUMENTS) as [keyof typeof ARGUMENTS, string][];
  return Object.fromEntries(
    named.flatMap(([key, name]) => {
      const value = chosen[key];
      return value === undefined || value === ''
        ? []
        : [
            [name, value],
            [name.toLowerCase(), value],
          ];
    }),
  );
}
