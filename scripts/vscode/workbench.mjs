import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launchChromium } from './browser.mjs';
import { ensureChromium, ensureServer } from './install.mjs';
import { prepareServerData, startServer, workbenchUrl } from './server.mjs';

/** From the page's load to a workbench with an extension host. */
const BOOT_TIMEOUT_MS = 120_000;

/** Settings that keep the workbench still: nothing pops up, nothing is fetched, nothing animates. */
const QUIET = {
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.enableExperiments': false,
  'workbench.reduceMotion': 'on',
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'update.mode': 'none',
  'telemetry.telemetryLevel': 'off',
  'git.enabled': false,
  'chat.commandCenter.enabled': false,
  'window.confirmBeforeClose': 'never',
  'editor.minimap.enabled': false,
};

/**
 * @typedef {object} WorkbenchOptions
 * @property {string} folder absolute path of the folder, or .code-workspace file, to open
 * @property {string} [vsix] absolute path of an extension to install
 * @property {string} [extensionDevelopmentPath] absolute path of an extension to load from its sources
 * @property {Record<string, unknown>} [settings] machine settings, over the quiet defaults
 * @property {'Default Light Modern' | 'Default Dark Modern'} [colorTheme] dark by default
 * @property {Record<string, string | undefined>} [env] for the extension host, over ours
 * @property {boolean} [workspaceTrust] true: asks for trust, as a desktop VS Code does; else all is trusted
 * @property {{ width: number, height: number }} [viewport] CSS pixels, 1280 × 800 by default
 * @property {string} screenshots absolute folder for screenshots
 */

/**
 * @typedef {object} Workbench
 * @property {import('playwright-core').Page} page the workbench
 * @property {string} url its address
 * @property {(name: string) => Promise<string>} screenshot writes <name>.png, gives its path
 * @property {(command: string) => Promise<void>} runCommand runs a command by its title in the palette
 * @property {(name: string) => Promise<void>} openFile opens a file of the folder by its name; it is there, with the keyboard in it
 * @property {() => string} log what the server and the page's console printed, for a failure's message
 * @property {() => Promise<void>} dispose ends browser and server and removes their data
 */

/**
 * Starts a real VS Code (its server, in a headless Chromium) and waits until it can be used.
 * @param {WorkbenchOptions} options
 * @returns {Promise<Workbench>}
 * @throws {import('../lib/machine.mjs').Unavailable} when VS Code can't be had here
 * @throws {Error} when it does not boot within two minutes, with its log and a screenshot's path
 */
export async function openWorkbench(options) {
  const serverMain = await ensureServer();
  const chromium = await ensureChromium();
  const dataFolder = await mkdtemp(join(tmpdir(), 'velar-workbench-'));
  /** @type {(() => Promise<void>)[]} */
  const cleanups = [() => rm(dataFolder, { recursive: true, force: true, maxRetries: 5 })];
  const dispose = async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  };
  try {
    await prepareServerData(serverMain, dataFolder, {
      vsix: options.vsix,
      settings: {
        ...QUIET,
        'workbench.colorTheme': options.colorTheme ?? 'Default Dark Modern',
        ...options.settings,
      },
    });
    const server = await startServer(serverMain, {
      dataFolder,
      env: options.env ?? {},
      workspaceTrust: options.workspaceTrust ?? false,
    });
    cleanups.push(server.stop);
    const browser = await launchChromium(chromium);
    cleanups.push(() => browser.close());
    const page = await browser.newPage({
      viewport: options.viewport ?? { width: 1280, height: 800 },
      colorScheme: options.colorTheme === 'Default Light Modern' ? 'light' : 'dark',
    });
    /** @type {string[]} */
    const consoleLines = [];
    page.on('console', (message) => consoleLines.push(message.text()));
    const url = workbenchUrl(server.port, options.folder, {
      extensionDevelopmentPath: options.extensionDevelopmentPath,
    });
    const log = () =>
      `Server:\n${server.output().slice(-3_000)}\nPage:\n${consoleLines.slice(-40).join('\n')}`;
    /** @param {string} name */
    const screenshot = async (name) => {
      const path = join(options.screenshots, `${name}.png`);
      await page.screenshot({ path });
      return path;
    };
    await boot(page, url, { screenshot, log });
    return {
      page,
      url,
      screenshot,
      log,
      dispose,
      runCommand: (command) => choose(page, `>${command}`),
      openFile: (name) => openFile(page, name),
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/**
 * @param {import('playwright-core').Page} page
 * @param {string} url
 * @param {Pick<Workbench, 'screenshot' | 'log'>} watch
 */
async function boot(page, url, { screenshot, log }) {
  try {
    await page.goto(url, { waitUntil: 'commit', timeout: BOOT_TIMEOUT_MS });
    await page.waitForSelector('.monaco-workbench .explorer-folders-view .monaco-list-row', {
      timeout: BOOT_TIMEOUT_MS,
    });
  } catch (error) {
    const picture = await screenshot('boot-failed');
    throw new Error(
      `VS Code did not boot within ${BOOT_TIMEOUT_MS / 1000} s (screenshot: ${picture}).\n${log()}`,
      { cause: error },
    );
  }
}

/**
 * A tab is active before its text is there: what stood in its place could still be clicked.
 * @param {import('playwright-core').Page} page
 * @param {string} name
 */
async function openFile(page, name) {
  await choose(page, name);
  await page.locator(`.monaco-editor.focused[data-uri$="/${name}"]`).waitFor();
}

/**
 * Types into the palette and takes the first match once it is the one asked for. By keyboard: the list is drawn
 * anew while matches come in, which takes clicks away.
 * @param {import('playwright-core').Page} page
 * @param {string} text '>' in front for a command
 */
async function choose(page, text) {
  await page.keyboard.press('F1');
  const input = page.locator('.quick-input-widget input.input');
  await input.waitFor();
  await input.fill(text);
  await page
    .locator('.quick-input-list .monaco-list-row.focused')
    .filter({ hasText: text.replace(/^>/, '') })
    .waitFor();
  await input.press('Enter');
}
