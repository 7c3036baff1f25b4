import { existsSync, mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { newestMs } from './assets.mjs';
import { execute } from './process.mjs';

/** Absolute path of the repository. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const DEPENDENCIES_STAMP = join(ROOT, 'node_modules', '.velar-installed');
const BUILD_STAMP = join(ROOT, '.build', 'dist-stamp');
const SOURCES = ['src', 'runtime', 'webview', 'esbuild.config.mjs', 'package-lock.json'];

/** The npm that belongs to the running Node, as a command and its first arguments. */
export function npm() {
  const script = process.env['npm_execpath'];
  if (script?.endsWith('.js')) return { command: process.execPath, args: [script] };
  return process.platform === 'win32'
    ? { command: 'cmd.exe', args: ['/d', '/s', '/c', 'npm'] }
    : { command: 'npm', args: [] };
}

/**
 * Installs the locked packages unless they are there already. Needs nothing but Node and npm.
 * @throws {Error} when Node is too old or npm fails
 */
export async function ensureDependencies() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new Error(`Node ${process.versions.node} is too old; install Node 20.19 or newer.`);
  }
  const lock = statSync(join(ROOT, 'package-lock.json')).mtimeMs;
  if (existsSync(DEPENDENCIES_STAMP) && statSync(DEPENDENCIES_STAMP).mtimeMs >= lock) return;
  console.error('Installing packages…');
  const { command, args } = npm();
  const code = await execute(command, [
    ...args,
    'ci',
    '--ignore-scripts',
    '--no-fund',
    '--no-audit',
  ]);
  if (code !== 0) {
    throw new Error(`npm ci ended with ${code}; see its message above, then try again.`);
  }
  writeFileSync(DEPENDENCIES_STAMP, '');
}

/**
 * Builds dist/ unless it is newer than its sources.
 * @throws {Error} when a bundle does not build
 */
export async function ensureBuilt() {
  if (existsSync(BUILD_STAMP) && existsSync(join(ROOT, 'dist'))) {
    const sources = newestMs(SOURCES.map((name) => join(ROOT, name)));
    if (statSync(BUILD_STAMP).mtimeMs > sources) return;
  }
  await build();
}

/**
 * Builds dist/.
 * @param {{ production?: boolean }} [options] production: minified, no source maps
 * @throws {Error} when a bundle does not build
 */
export async function build(options = {}) {
  const started = new Date();
  const { buildDist } = await import('../../esbuild.config.mjs');
  await buildDist(options);
  mkdirSync(dirname(BUILD_STAMP), { recursive: true });
  writeFileSync(BUILD_STAMP, '');
  utimesSync(BUILD_STAMP, started, started);
}

/**
 * Runs a script's main function: an error is printed as one message and ends with exit code 1.
 * @param {() => Promise<number | void>} main its number becomes the exit code
 */
export async function runMain(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
