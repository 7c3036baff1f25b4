import { spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { Unavailable } from '../lib/machine.mjs';
import { capture, endGroup, endGroupOnExit } from '../lib/process.mjs';
import { ensureBaseArchive, ensureDockerPrograms, ensureNewerEngine } from './install.mjs';

/** Name of the base image in the engine of the tests. */
const BASE_IMAGE = 'velar-test-base:latest';
/** A daemon that has not come up by then will not. */
const START_WITHIN_MS = 60_000;
/** Running containers are ended by the daemon itself, ten seconds at most. */
const STOP_GRACE_MS = 30_000;

/**
 * @typedef {object} TestDocker
 * @property {Record<string, string>} env for tests: DOCKER_HOST, and what VELAR_TEST_DOCKER_… name
 * @property {() => Promise<void>} halt ends the engine, with the containers that run, and keeps what it holds
 * @property {() => Promise<void>} resume starts a halted engine again
 * @property {() => Promise<void>} restart halts it and starts it again
 * @property {() => Promise<void>} stop ends the engine and removes all that it held
 */

/**
 * @typedef {object} DockerOptions
 * @property {boolean} [newer] Docker 26.1 instead of the machine's own
 * @property {object} [config] of the daemon, as in daemon.json
 */

/**
 * A Docker engine of our own, in a folder of its own, on a bridge of its own, with the base image.
 * @param {DockerOptions} [options]
 * @returns {Promise<TestDocker>}
 * @throws {Unavailable} where none can be run here
 */
export async function startDocker({ newer = false, config = {} } = {}) {
  const programs = await ensureDockerPrograms();
  const path = newer ? await ensureNewerEngine() : undefined;
  const archive = await ensureBaseArchive();
  const folder = await mkdtemp(join(tmpdir(), 'velar-docker-'));
  const bridge = `vl${randomBytes(4).toString('hex')}`;
  const gateway = `10.213.${randomInt(250)}.1`;
  const host = `unix://${join(folder, 'docker.sock')}`;
  /** @type {(() => Promise<unknown>)[]} */
  const undo = [() => rm(folder, { recursive: true, force: true, maxRetries: 5 })];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    await must(programs.ip, ['link', 'add', bridge, 'type', 'bridge']);
    undo.push(() => capture(programs.ip, ['link', 'del', bridge]));
    await must(programs.ip, ['addr', 'add', `${gateway}/24`, 'dev', bridge]);
    await must(programs.ip, ['link', 'set', bridge, 'up']);
    await writeFile(join(folder, 'daemon.json'), JSON.stringify(config));
    const begin = () => startDaemon({ dockerd: programs.dockerd, path, folder, host, bridge });
    let daemon = await begin();
    undo.push(() => daemon.stop());
    const halt = () => daemon.stop();
    const resume = async () => {
      daemon = await begin();
    };
    const restart = async () => {
      await halt();
      await resume();
    };
    await must(programs.docker, [
      ...['-H', host, 'import', '--change', 'CMD ["python3"]'],
      ...[archive, BASE_IMAGE],
    ]);
    const env = {
      DOCKER_HOST: host,
      VELAR_TEST_DOCKER_BASE: BASE_IMAGE,
      VELAR_TEST_DOCKER_GATEWAY: gateway,
    };
    return { env, halt, resume, restart, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * @param {object} options
 * @param {string} options.dockerd
 * @param {string | undefined} options.path folder with another dockerd and what it starts
 * @param {string} options.folder for all that it keeps, with its daemon.json
 * @param {string} options.host where it listens
 * @param {string} options.bridge that containers are attached to
 */
async function startDaemon({ dockerd, path, folder, host, bridge }) {
  const env =
    path === undefined
      ? process.env
      : { ...process.env, PATH: `${path}${delimiter}${process.env['PATH'] ?? ''}` };
  const child = spawn(
    path === undefined ? dockerd : join(path, 'dockerd'),
    [
      ...['--config-file', join(folder, 'daemon.json')],
      ...['--host', host, '--pidfile', join(folder, 'docker.pid')],
      ...['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec')],
      // Containers reach the machine over the bridge; nothing of the machine's own rules is changed.
      ...['--bridge', bridge, '--iptables=false', '--ip6tables=false', '--ip-masq=false'],
    ],
    { detached: true, stdio: ['ignore', 'ignore', 'pipe'], env },
  );
  const letGo = endGroupOnExit(child);
  const stop = async () => {
    await endGroup(child, STOP_GRACE_MS);
    letGo();
  };
  /** @type {string[]} */
  const said = [];
  const ready = new Promise((resolve, reject) => {
    const why = (/** @type {string} */ what) =>
      new Unavailable(`The Docker engine ${what}.\n${said.slice(-5).join('\n')}`);
    const timer = setTimeout(() => reject(why('did not come up in time')), START_WITHIN_MS);
    child.once('error', (error) => reject(why(`could not be started: ${error.message}`)));
    child.once('exit', (code) => reject(why(`ended with ${code} as it started`)));
    createInterface({ input: child.stderr }).on('line', (line) => {
      said.push(line);
      if (said.length > 50) said.shift();
      if (!line.includes('API listen on')) return;
      clearTimeout(timer);
      resolve(undefined);
    });
  });
  try {
    await ready;
  } catch (error) {
    await stop();
    throw error;
  }
  return { stop };
}

/** @param {string} command @param {string[]} args */
async function must(command, args) {
  const { code, output } = await capture(command, args);
  if (code !== 0) {
    throw new Unavailable(`${command} ${args.join(' ')} ended with ${code}: ${output.trim()}`);
  }
}
