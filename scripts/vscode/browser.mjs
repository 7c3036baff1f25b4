import { chromium } from 'playwright-core';

/**
 * Starts Chromium without a window.
 * @param {string} executablePath
 * @returns {Promise<import('playwright-core').Browser>}
 * @throws {Error} when it does not start within half a minute
 */
export function launchChromium(executablePath) {
  return chromium.launch({
    executablePath,
    headless: true,
    timeout: 30_000,
    // Whoever launches it decides what a signal means; at our exit it ends in any case.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
    // Without a sandbox because root has none; the only page loaded is our own loopback server's.
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-dev-shm-usage',
    ],
  });
}
