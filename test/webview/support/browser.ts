/** The browser of a suite, and the page of each of its tests. */
import assert from 'node:assert/strict';
import type { Browser } from 'playwright-core';
import { Unavailable } from '../../../scripts/lib/machine.mjs';
import { launchChromium } from '../../../scripts/vscode/browser.mjs';
import { ensureChromium } from '../../../scripts/vscode/install.mjs';
import { skipBecause } from '../../support/skip';
import { openPanel, type PanelPage } from './panelPage';

/** Opens the test's page; it is closed after the test, which fails where the policy stopped something. */
export type Open = (options?: Parameters<typeof openPanel>[1]) => Promise<PanelPage>;

/** To be called in a suite. Its tests are skipped, with the reason, where no browser can be had. */
export function withChromium(): () => Browser {
  let browser: Browser;

  before(async function () {
    this.timeout(300_000);
    let executable: string;
    try {
      executable = await ensureChromium();
    } catch (error) {
      if (error instanceof Unavailable) return skipBecause(this, error.message);
      throw error;
    }
    browser = await launchChromium(executable);
  });

  after(async () => {
    await browser?.close();
  });

  return () => browser;
}

/** The same, for the panel's page. */
export function withBrowser(): Open {
  const browser = withChromium();
  let panel: PanelPage | undefined;

  afterEach(async function () {
    if (panel === undefined) return;
    const { page, problems } = panel;
    panel = undefined;
    if (this.currentTest?.state === 'failed') {
      console.log(`Page: ${JSON.stringify(await page.locator('body').innerText())}`);
    }
    await page.context().close();
    assert.deepEqual(problems, [], 'the policy stopped something, or the page failed');
  });

  return async (options) => (panel = await openPanel(browser(), options));
}
