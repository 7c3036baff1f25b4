import { cacheFolder, Unavailable } from '../lib/machine.mjs';
import { ensureChromium, ensureServer } from './install.mjs';

/** The VS Code that is downloaded where that works; the server's package carries the same one. */
const VERSION = '1.100.3';
const RELEASES = 'https://update.code.visualstudio.com/api/releases/stable';

/**
 * Picks the VS Code for in-editor tests. VELAR_TEST_OFFLINE=1 rules out a download.
 * @returns {Promise<string | undefined>} path of a downloaded desktop VS Code; undefined: use the
 *   server in Chromium (test/support/vscode/codeExecutable.mjs), which is then installed
 * @throws {Unavailable} when neither can be had
 */
export async function chooseVscode() {
  if (await canDownload()) {
    try {
      const { downloadAndUnzipVSCode } = await import('@vscode/test-electron');
      return await downloadAndUnzipVSCode({ version: VERSION, cachePath: cacheFolder() });
    } catch (error) {
      console.warn(`VS Code was not downloaded (${String(error)}); using its server in Chromium.`);
    }
  }
  if (process.platform === 'win32') {
    throw new Unavailable(
      'VS Code could not be downloaded, and its server in Chromium is not set up for Windows.',
    );
  }
  await ensureServer();
  await ensureChromium();
  return undefined;
}

/** A desktop VS Code needs a screen, no root, and the download site. */
async function canDownload() {
  if (process.env['VELAR_TEST_OFFLINE']) return false;
  if (process.getuid?.() === 0) return false;
  if (process.platform === 'linux' && !process.env['DISPLAY']) return false;
  try {
    const response = await fetch(RELEASES, { method: 'HEAD', signal: AbortSignal.timeout(5_000) });
    return response.ok;
  } catch {
    return false; // No route to the site: the server from the package registry is used.
  }
}
