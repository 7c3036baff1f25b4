import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Runs a program to its end.
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} [options] stdio is ours by default
 * @returns {Promise<number>} its exit code; 1 when a signal ended it
 * @throws {Error} when it can't be started
 */
export function execute(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', ...options });
    child.once('error', (error) => {
      reject(new Error(`Could not start ${command}: ${error.message}`, { cause: error }));
    });
    child.once('close', (code) => resolve(code ?? 1));
  });
}

/**
 * Runs a program to its end and keeps what it prints.
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<{ code: number, output: string }>} stdout and stderr together
 * @throws {Error} when it can't be started
 */
export function capture(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    /** @param {Buffer} chunk */
    const keep = (chunk) => (output += chunk.toString('utf8'));
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    child.once('error', (error) => {
      reject(new Error(`Could not start ${command}: ${error.message}`, { cause: error }));
    });
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/**
 * First of the named programs that is on PATH.
 * @param {...string} names
 * @returns {string | undefined} absolute path
 */
export function findProgram(...names) {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  const endings = process.platform === 'win32' ? ['.exe', '.cmd', ''] : [''];
  for (const name of names) {
    for (const folder of folders) {
      for (const ending of endings) {
        const path = join(folder, name + ending);
        if (isExecutable(path)) return path;
      }
    }
  }
  return undefined;
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // Absent or not ours to run: both mean "look further".
  }
}

/**
 * Ends a process group that we started with `detached: true`: asks, then after `graceMs` insists.
 * @param {import('node:child_process').ChildProcess} child
 * @param {number} [graceMs]
 */
export async function endGroup(child, graceMs = 5_000) {
  const { pid } = child;
  if (pid === undefined) return;
  const ended =
    child.exitCode !== null || child.signalCode !== null
      ? Promise.resolve()
      : new Promise((resolve) => child.once('exit', resolve));
  signalGroup(pid, 'SIGTERM');
  const late = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs);
  await ended;
  clearTimeout(late);
  signalGroup(pid, 'SIGKILL');
}

/**
 * Ends a group when this process exits, so that it does not outlive a crash of ours. A process that
 * may get SIGTERM must turn it into an exit (`process.exit`) for this to hold.
 * @param {import('node:child_process').ChildProcess} child started with `detached: true`
 * @returns {() => void} lets go of it; call it once the group has ended
 */
export function endGroupOnExit(child) {
  const onExit = () => {
    if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
  };
  process.on('exit', onExit);
  return () => process.off('exit', onExit);
}

/**
 * @param {number} pid leader of the group
 * @param {NodeJS.Signals} signal
 */
function signalGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error;
  }
}
