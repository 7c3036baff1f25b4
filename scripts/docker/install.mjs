import { existsSync } from 'node:fs';
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { cacheFolder, ensureProgram, Unavailable } from '../lib/machine.mjs';
import { capture } from '../lib/process.mjs';

/** Debian's release and what the base image of the tests holds beside its essential packages. */
const RELEASE = 'bookworm';
const PACKAGES = ['python3', 'python3-pip', 'python3-debugpy'];

/** Debian's release whose Docker, 26.1, knows CDI. Its programs run on the release before as well. */
const NEWER_RELEASE = 'trixie';
const NEWER_PROGRAMS = [
  'usr/sbin/dockerd',
  'usr/bin/containerd',
  'usr/bin/containerd-shim-runc-v2',
];

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

/**
 * A Docker engine that knows CDI, beside the one that this machine may have: its programs alone, fetched
 * once (about 15 s) from the package mirror that this machine uses.
 * @returns {Promise<string>} folder that holds them, for PATH
 * @throws {Unavailable} where it can't be had or doesn't run here
 */
export async function ensureNewerEngine() {
  const folder = join(cacheFolder(), `docker-engine-${NEWER_RELEASE}`);
  if (existsSync(folder)) return folder;
  const mmdebstrap = await ensureProgram('mmdebstrap');
  const attempt = `${folder}.partial-${process.pid}`;
  const tree = join(attempt, 'tree');
  const programs = join(attempt, 'bin');
  await mkdir(programs, { recursive: true });
  console.log('Fetching Docker 26.1 for the tests of GPU requests (once, about 15 s)…');
  try {
    const options = ['--variant=extract', '--include=docker.io,containerd', NEWER_RELEASE, tree];
    const { code, output } = await capture(mmdebstrap, options);
    if (code !== 0) {
      throw new Unavailable(
        `mmdebstrap could not fetch Docker 26.1 (ended with ${code}).\n${output.slice(-1_000)}`,
      );
    }
    for (const program of NEWER_PROGRAMS) {
      await copyFile(join(tree, program), join(programs, basename(program)));
    }
    const runs = await capture(join(programs, 'dockerd'), ['--version']);
    if (runs.code !== 0) {
      throw new Unavailable(`Docker 26.1 does not run here: ${runs.output.trim()}`);
    }
    await rename(programs, folder);
  } finally {
    await rm(attempt, { recursive: true, force: true });
  }
  return folder;
}
