import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder, ensureProgram, Unavailable } from '../lib/machine.mjs';
import { capture } from '../lib/process.mjs';

/** Debian's release and what the base image of the tests holds beside its essential packages. */
const RELEASE = 'bookworm';
const PACKAGES = ['python3', 'python3-pip', 'python3-debugpy'];

/**
 * Programs of a Docker engine, installed where they are missing and we may.
 * @returns {Promise<{ dockerd: string, docker: string, ip: string }>}
 * @throws {Unavailable} where an engine can't be run
 */
export async function ensureDockerPrograms() {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new Unavailable(
      'The tests start a Docker engine of their own, which needs Linux and root.',
    );
  }
  const dockerd = await ensureProgram('dockerd', 'docker.io');
  const docker = await ensureProgram('docker', 'docker.io');
  return { dockerd, docker, ip: await ensureProgram('ip', 'iproute2') };
}

/**
 * The root file system of the tests' base image: Debian with Python, made once (about a minute) from
 * the package mirror that this machine uses, because no image registry may be within reach.
 * @returns {Promise<string>} path of a tar archive
 * @throws {Unavailable} when it can't be made
 */
export async function ensureBaseArchive() {
  const path = join(cacheFolder(), `docker-base-${RELEASE}-${PACKAGES.join('+')}.tar`);
  if (existsSync(path)) return path;
  const mmdebstrap = await ensureProgram('mmdebstrap');
  await mkdir(cacheFolder(), { recursive: true });
  const attempt = `${path}.partial-${process.pid}.tar`;
  console.log('Making the base image of the Docker tests (once, about a minute)…');
  const { code, output } = await capture(mmdebstrap, [
    '--variant=essential',
    `--include=${PACKAGES.join(',')}`,
    RELEASE,
    attempt,
  ]);
  if (code !== 0) {
    await rm(attempt, { force: true });
    throw new Unavailable(
      `mmdebstrap could not make the base image (ended with ${code}).\n${output.slice(-1_000)}`,
    );
  }
  await rename(attempt, path);
  return path;
}
