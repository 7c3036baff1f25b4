/** What tests with a real Docker engine share: the engine that was started for the suite. */
import Docker from 'dockerode';

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

/** A client of the suite's engine, apart from the product's own. */
export function dockerClient(): Docker {
  return new Docker({ socketPath: named('DOCKER_HOST').replace('unix://', '') });
}
