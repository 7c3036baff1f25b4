import { existsSync } from 'node:fs';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder, ensureProgram, Unavailable } from '../lib/machine.mjs';
import { capture, findProgram } from '../lib/process.mjs';

/** The npm package that carries VS Code's server, and the VS Code in it (1.100.3). */
const CODE_SERVER = '4.100.3';
/** Native modules of that server, which its install leaves unbuilt. */
const NATIVE = ['node-pty', '@vscode/spdlog', 'native-watchdog'];

/**
 * VS Code's server, installed on first use (about a minute) into a cache outside the tree.
 * @returns {Promise<string>} its start script, server-main.js
 * @throws {Unavailable} when it can't be installed here
 */
export async function ensureServer() {
  const home = join(cacheFolder(), `code-server-${CODE_SERVER}`);
  const vscode = join('node_modules', 'code-server', 'lib', 'vscode');
  if (!existsSync(join(home, '.complete'))) {
    const attempt = `${home}.partial-${process.pid}`;
    console.log(`Installing VS Code's server (once, into ${home})…`);
    try {
      await installServer(attempt, join(attempt, vscode));
      await rm(home, { recursive: true, force: true });
      await rename(attempt, home);
    } catch (error) {
      await rm(attempt, { recursive: true, force: true });
      // Another run may have finished the same install meanwhile.
      if (!existsSync(join(home, '.complete'))) throw error;
    }
  }
  await linkRipgrep(join(home, vscode));
  return join(home, vscode, 'out', 'server-main.js');
}

/** @param {string} home @param {string} vscode */
async function installServer(home, vscode) {
  await mkdir(home, { recursive: true });
  await writeFile(join(home, 'package.json'), '{ "private": true }\n');
  await npm(home, ['install', '--ignore-scripts', `code-server@${CODE_SERVER}`]);
  await npm(vscode, ['install', '--omit=dev', '--ignore-scripts']);
  await npm(vscode, ['rebuild', ...NATIVE]);
  await writeFile(join(home, '.complete'), '');
}

/** @param {string} cwd @param {string[]} args */
async function npm(cwd, args) {
  // node-pty's install script asks npx for node-gyp, which waits for an answer without "yes".
  const env = { ...process.env, npm_config_yes: 'true' };
  const { code, output } = await capture('npm', [...args, '--no-fund', '--no-audit'], { cwd, env });
  if (code === 0) return;
  throw new Unavailable(
    `VS Code's server could not be installed: "npm ${args.join(' ')}" ended with ${code}. ` +
      `It needs the npm registry and a C++ compiler.\n${output.slice(-2_000)}`,
  );
}

/** Workspace search needs ripgrep, whose download the npm package leaves to an install script. @param {string} vscode */
async function linkRipgrep(vscode) {
  const target = join(vscode, 'node_modules', '@vscode', 'ripgrep', 'bin', 'rg');
  if (existsSync(target)) return;
  const rg = await ensureProgram('rg', 'ripgrep');
  await mkdir(join(target, '..'), { recursive: true });
  await rm(target, { force: true });
  await symlink(rg, target);
}

/**
 * A Chromium or Chrome: VELAR_CHROMIUM, else one on PATH, else Debian's where we may install it.
 * @returns {Promise<string>} absolute path
 * @throws {Unavailable} when there is none
 */
export async function ensureChromium() {
  const named = process.env['VELAR_CHROMIUM'];
  if (named !== undefined && named !== '') return named;
  const found = findProgram(
    'chromium',
    'chromium-browser',
    'google-chrome',
    'google-chrome-stable',
  );
  return found ?? ensureProgram('chromium');
}
