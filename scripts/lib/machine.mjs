import { homedir } from 'node:os';
import { join } from 'node:path';
import { capture, findProgram } from './process.mjs';

/** What a part of the tests needs can't be had on this machine; the message says why and what would help. */
export class Unavailable extends Error {
  /** @param {string} message @param {ErrorOptions} [options] */
  constructor(message, options) {
    super(message, options);
    this.name = 'Unavailable';
  }
}

/** Folder outside the tree for what is costly to fetch; VELAR_TEST_CACHE names another one. */
export function cacheFolder() {
  return process.env['VELAR_TEST_CACHE'] ?? join(homedir(), '.cache', 'velar-test');
}

/**
 * A program of PATH, installed with Debian's package manager where it is missing and we may.
 * @param {string} program
 * @param {string} [packageName] that brings it
 * @returns {Promise<string>} the program's path
 * @throws {Unavailable} when it is missing and can't be installed
 */
export async function ensureProgram(program, packageName = program) {
  const found = findProgram(program);
  if (found !== undefined) return found;
  const apt = findProgram('apt-get');
  if (apt === undefined || process.getuid?.() !== 0) {
    throw new Unavailable(
      `${program} is not on PATH and can't be installed without root and apt-get; install it by hand.`,
    );
  }
  console.log(`Installing ${packageName}…`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await capture(apt, ['update', '-q'], { env });
  const { code, output } = await capture(
    apt,
    ['install', '-y', '-q', '--no-install-recommends', packageName],
    { env },
  );
  const path = findProgram(program);
  if (code === 0 && path !== undefined) return path;
  throw new Unavailable(
    `apt-get could not install ${packageName} (ended with ${code}).\n${output.slice(-1_000)}`,
  );
}
