#!/usr/bin/env node
/**
 * Takes the place of the VS Code executable for @vscode/test-electron's runTests where VS Code
 * can't be downloaded: the same arguments, run by VS Code's server and a headless Chromium.
 *   codeExecutable.mjs [FOLDER] --extensionDevelopmentPath=DIR --extensionTestsPath=FILE
 * Test output goes to stdout; the exit code is the tests'.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { format } from 'node:util';
import { launchChromium } from '../../../scripts/vscode/browser.mjs';
import { ensureChromium, ensureServer } from '../../../scripts/vscode/install.mjs';
import { prepareServerData, startServer, workbenchUrl } from '../../../scripts/vscode/server.mjs';

/** Starts each line that test/editor/index.ts prints; the editor's own log lines lack it. */
const OUTPUT_MARK = 'tests| ';
/** From the page's load to the first line of test output. */
const BOOT_TIMEOUT_MS = 120_000;
/** The whole of the tests. */
const RUN_TIMEOUT_MS = 600_000;

/** @param {string} name */
function option(name) {
  const start = `--${name}=`;
  return process.argv.find((argument) => argument.startsWith(start))?.slice(start.length);
}

/** @returns {Promise<number>} the tests' exit code */
async function main() {
  const extensionDevelopmentPath = option('extensionDevelopmentPath');
  const extensionTestsPath = option('extensionTestsPath');
  if (extensionDevelopmentPath === undefined || extensionTestsPath === undefined) {
    throw new Error('Both --extensionDevelopmentPath and --extensionTestsPath are needed.');
  }
  const folder = process.argv.slice(2).find((argument) => !argument.startsWith('-'));
  const serverMain = await ensureServer();
  const chromium = await ensureChromium();
  const dataFolder = await mkdtemp(join(tmpdir(), 'velar-editor-'));
  /** @type {(() => Promise<void>)[]} */
  const cleanups = [() => rm(dataFolder, { recursive: true, force: true, maxRetries: 5 })];
  try {
    await prepareServerData(serverMain, dataFolder, { settings: {} });
    const server = await startServer(serverMain, { dataFolder });
    cleanups.push(server.stop);
    const browser = await launchChromium(chromium);
    cleanups.push(() => browser.close());
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    const url = workbenchUrl(server.port, resolve(folder ?? '.'), {
      extensionDevelopmentPath: resolve(extensionDevelopmentPath),
      extensionTestsPath: resolve(extensionTestsPath),
    });
    return await runInPage(page, url, server);
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

/**
 * @param {import('playwright-core').Page} page
 * @param {string} url
 * @param {import('../../../scripts/vscode/server.mjs').Server} server
 * @returns {Promise<number>}
 */
async function runInPage(page, url, server) {
  /** @type {NodeJS.Timeout | undefined} */
  let boot;
  /** @type {NodeJS.Timeout | undefined} */
  let whole;
  /** @type {string[]} */
  const consoleLines = [];
  try {
    return await new Promise((done, reject) => {
      /** @param {string} what */
      const fail = (what) =>
        reject(
          new Error(
            `${what}\nEditor's console:\n${consoleLines.slice(-30).join('\n')}\n` +
              `Server:\n${server.output().slice(-3_000)}`,
          ),
        );
      boot = setTimeout(
        () => fail(`VS Code printed no test output within ${BOOT_TIMEOUT_MS / 1000} s.`),
        BOOT_TIMEOUT_MS,
      );
      whole = setTimeout(
        () => fail(`The tests did not end within ${RUN_TIMEOUT_MS / 1000} s.`),
        RUN_TIMEOUT_MS,
      );
      void server.exited.then((code) => fail(`VS Code's server ended with ${code}.`));
      page.on('crash', () => fail('The browser page crashed.'));
      const ready = Promise.all([
        page.exposeFunction(
          'codeAutomationLog',
          /** @param {string} type @param {unknown[]} args */
          (type, args) => {
            const line = format(...args);
            if (!line.startsWith(OUTPUT_MARK)) {
              consoleLines.push(`${type}: ${line}`);
              return;
            }
            clearTimeout(boot);
            console.log(line.slice(OUTPUT_MARK.length));
          },
        ),
        page.exposeFunction(
          'codeAutomationExit',
          /** @param {number} code */
          (code) => {
            if (code !== 0)
              console.error(`Editor's console:\n${consoleLines.slice(-60).join('\n')}`);
            done(code);
          },
        ),
      ]);
      ready.then(() => page.goto(url, { waitUntil: 'commit' })).catch(reject);
    });
  } finally {
    clearTimeout(boot);
    clearTimeout(whole);
  }
}

process.once('SIGTERM', () => process.exit(143));
process.once('SIGINT', () => process.exit(130));

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
