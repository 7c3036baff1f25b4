import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { capture, endGroup, endGroupOnExit } from '../lib/process.mjs';

const START_TIMEOUT_MS = 60_000;

/**
 * @typedef {object} Server
 * @property {number} port on 127.0.0.1
 * @property {() => string} output what it printed so far
 * @property {Promise<number | null>} exited its exit code
 * @property {() => Promise<void>} stop ends it and everything it started
 */

/**
 * Installs extensions into a server's data folder and writes its machine settings.
 * @param {string} serverMain server-main.js
 * @param {string} dataFolder absolute; made when absent
 * @param {{ vsix?: string | undefined, settings?: Record<string, unknown> | undefined }} options
 * @throws {Error} when the VSIX does not install
 */
export async function prepareServerData(serverMain, dataFolder, { vsix, settings }) {
  const machine = join(dataFolder, 'data', 'Machine');
  await mkdir(machine, { recursive: true });
  await writeFile(join(machine, 'settings.json'), JSON.stringify(settings ?? {}, null, 2));
  if (vsix === undefined) return;
  const { code, output } = await capture(process.execPath, [
    serverMain,
    ...commonArgs(dataFolder),
    '--install-extension',
    vsix,
    '--force',
  ]);
  if (code !== 0 || !output.includes('was successfully installed')) {
    throw new Error(
      `VS Code did not install ${vsix} (ended with ${code}):\n${output.slice(-2_000)}`,
    );
  }
}

/** @param {string} dataFolder */
function commonArgs(dataFolder) {
  return [
    '--accept-server-license-terms',
    '--server-data-dir',
    dataFolder,
    '--telemetry-level',
    'off',
  ];
}

/**
 * @typedef {object} ServerOptions
 * @property {string} dataFolder absolute
 * @property {Record<string, string | undefined>} [env] over ours
 * @property {string} [connectionToken] that an address must carry (tkn=…); without one any process of
 *   this machine may connect, which only a short test can allow itself
 * @property {boolean} [workspaceTrust] asks whether a folder is trusted, as a desktop VS Code does
 */

/**
 * Starts VS Code's server on a free loopback port.
 * @param {string} serverMain server-main.js
 * @param {ServerOptions} options
 * @returns {Promise<Server>} once it listens
 * @throws {Error} when it ends or stays silent for a minute, with what it printed
 */
export async function startServer(serverMain, options) {
  const { dataFolder, connectionToken } = options;
  const tokenArgs = ['--without-connection-token'];
  if (connectionToken !== undefined) {
    const file = join(dataFolder, 'connection-token');
    await writeFile(file, connectionToken, { mode: 0o600 });
    tokenArgs.splice(0, 1, '--connection-token-file', file);
  }
  const child = spawn(
    process.execPath,
    [
      serverMain,
      '--host',
      '127.0.0.1',
      '--port',
      '0',
      ...tokenArgs,
      ...(options.workspaceTrust === true ? [] : ['--disable-workspace-trust']),
      ...commonArgs(dataFolder),
    ],
    { env: { ...process.env, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  );
  let output = '';
  /** @type {Promise<number | null>} */
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const release = endGroupOnExit(child);
  const stop = async () => {
    await endGroup(child);
    release();
  };
  /** @type {Promise<number>} */
  const listening = new Promise((resolve, reject) => {
    /** @param {string} why */
    const fail = (why) => {
      clearTimeout(timer);
      reject(new Error(`VS Code's server ${why}. It printed:\n${output.slice(-4_000)}`));
    };
    const timer = setTimeout(() => fail('did not listen within a minute'), START_TIMEOUT_MS);
    /** @param {Buffer} chunk */
    const read = (chunk) => {
      output = (output + chunk.toString('utf8')).slice(-200_000);
      const match = /Extension host agent listening on (\d+)/.exec(output);
      if (match?.[1] === undefined) return;
      clearTimeout(timer);
      resolve(Number(match[1]));
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('error', (error) => fail(`could not be started: ${error.message}`));
    child.once('exit', (code) => fail(`ended with ${code} while starting`));
  });
  try {
    const port = await listening;
    return { port, output: () => output, exited, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Address of a workbench.
 * @param {number} port
 * @param {string} folder absolute folder, or .code-workspace file, to open
 * @param {{ extensionDevelopmentPath?: string | undefined, extensionTestsPath?: string | undefined, openFile?: string }} [paths] absolute
 */
export function workbenchUrl(port, folder, paths = {}) {
  const host = `127.0.0.1:${port}`;
  const payload = [['skipWelcome', 'true']];
  for (const [key, path] of Object.entries(paths)) {
    if (path !== undefined) payload.push([key, `vscode-remote://${host}${path}`]);
  }
  const url = new URL(`http://${host}/`);
  url.searchParams.set(folder.endsWith('.code-workspace') ? 'workspace' : 'folder', folder);
  url.searchParams.set('payload', JSON.stringify(payload));
  return url.href;
}
