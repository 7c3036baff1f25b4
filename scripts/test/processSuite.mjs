import { spawn } from 'node:child_process';
import { existsSync, watch } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { endGroup } from '../lib/process.mjs';
import { ROOT } from '../lib/tree.mjs';
import { failedSuite } from './result.mjs';

/** How long a suite's process may live on after its summary is written. */
const LINGER_MS = 20_000;
/** The longest that one suite may take. */
const SUITE_TIMEOUT_MS = 20 * 60_000;

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/** Ends the suites that run now, for Ctrl-C. */
export async function endRunningSuites() {
  await Promise.all([...running].map((child) => endGroup(child, 2_000)));
}

/**
 * Runs a test process that writes a summary to the file VELAR_TEST_SUMMARY names. A process that
 * writes none, or stays alive after it (something was left open), counts as one more failure.
 * @param {string} name of the suite, for messages
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: Record<string, string>, buffered?: boolean }} [options] buffered: print the output at the end, in one piece
 * @returns {Promise<import('./result.mjs').SuiteResult>}
 */
export async function runProcessSuite(name, command, args, { env = {}, buffered = false } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'velar-test-'));
  const summary = join(folder, 'summary.json');
  try {
    const { code, output, lingered } = await runToEnd(command, args, {
      env: { ...process.env, ...env, VELAR_TEST_SUMMARY: summary },
      buffered,
      summary,
    });
    console.log(buffered ? `\n── ${name} ──\n${output.trimEnd()}` : '');
    return await readSummary(name, summary, { code, lingered });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {{ env: NodeJS.ProcessEnv, buffered: boolean, summary: string }} options
 * @returns {Promise<{ code: number, output: string, lingered: boolean }>}
 */
async function runToEnd(command, args, { env, buffered, summary }) {
  const child = spawn(command, args, {
    cwd: ROOT,
    env,
    detached: true,
    stdio: ['ignore', buffered ? 'pipe' : 'inherit', buffered ? 'pipe' : 'inherit'],
  });
  running.add(child);
  let output = '';
  let lingered = false;
  /** @param {Buffer} chunk */
  const keep = (chunk) => (output += chunk.toString('utf8'));
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const give = () => {
    lingered = true;
    void endGroup(child);
  };
  let timer = setTimeout(give, SUITE_TIMEOUT_MS);
  const watcher = watch(dirname(summary), () => {
    if (!existsSync(summary)) return;
    watcher.close();
    clearTimeout(timer);
    timer = setTimeout(give, LINGER_MS);
  });
  try {
    /** @type {number} */
    const code = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (/** @type {number | null} */ status) => resolve(status ?? 1));
    });
    await endGroup(child);
    return { code, output, lingered };
  } finally {
    clearTimeout(timer);
    watcher.close();
    running.delete(child);
  }
}

/**
 * @param {string} name
 * @param {string} path
 * @param {{ code: number, lingered: boolean }} end
 * @returns {Promise<import('./result.mjs').SuiteResult>}
 */
async function readSummary(name, path, { code, lingered }) {
  if (!existsSync(path)) {
    const why = lingered ? 'was ended for taking too long' : `ended with ${code}`;
    return failedSuite(name, `The suite ${why} before its summary.`);
  }
  const summary = /** @type {import('./result.mjs').SuiteResult} */ (
    JSON.parse(await readFile(path, 'utf8'))
  );
  const silent = code !== 0 && summary.failures.length === 0;
  if (!lingered && !silent) return summary;
  const reason = lingered
    ? 'All tests ended, but the process did not: a test left something open.'
    : `The suite ended with ${code} although no test failed.`;
  return { ...summary, failures: [...summary.failures, { title: name, reason }] };
}
