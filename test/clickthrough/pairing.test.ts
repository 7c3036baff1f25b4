import * as assert from 'node:assert/strict';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import type { Workbench } from '../../scripts/vscode/workbench.mjs';
import { startWorkbench } from '../support/vscode/workbench';
import { keepFailure } from './failure';
import { answer, panelOf, serve, statusBar, type Served } from './page';

describe('pairing a runtime in VS Code', function () {
  this.timeout(180_000);
  let scratch: string;
  let workbench: Workbench;
  let page: Page;
  let served: Served;

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'velar-pairing-'));
    const folder = join(scratch, 'examples');
    await cp('examples', folder, { recursive: true });
    served = await serve(join(scratch, 'served'), '--port', '0');
    workbench = await startWorkbench({
      folder,
      extensionDevelopmentPath: resolve('.'),
      env: { VELAR_HOME: join(scratch, 'home') },
    });
    ({ page } = workbench);
    await workbench.openFile('hello.py');
  });

  afterEach(keepFailure(() => workbench, 'failed-pairing'));

  after(async () => {
    await workbench.dispose();
    await served.stop();
    await rm(scratch, { recursive: true, force: true, maxRetries: 5 });
  });

  it('takes the address and the code that velar serve printed', async () => {
    await workbench.runCommand('Velar: Pair Runtime');
    await answer(page, 'address', served.address);
    await workbench.screenshot('pairing');
    await answer(page, 'one-time code', served.code);
    await statusBar(page, 'Velar: gpu-box').waitFor({ timeout: 60_000 });
  });

  it('sends runs there from then on', async () => {
    await page.locator('.codelens-decoration a').filter({ hasText: 'Run on GPU' }).first().click();
    const panel = panelOf(page);
    await panel.getByTestId('log').getByText('3/3: hello, world!').waitFor({ timeout: 90_000 });
    await panel.getByText('gpu-box').first().waitFor({ state: 'attached' });
    await workbench.screenshot('paired');
  });

  it('refuses a code that was used', async () => {
    await workbench.runCommand('Velar: Pair Runtime');
    await answer(page, 'address', served.address);
    await answer(page, 'one-time code', served.code);
    const toast = page.locator('.notification-toast').filter({ hasText: 'code' });
    await toast.waitFor({ timeout: 30_000 });
    await workbench.screenshot('pairing-refused');
    assert.match(await toast.innerText(), /Velar: /);
  });

  it('forgets the runtime after asking, and goes back to this machine', async () => {
    await workbench.runCommand('Velar: Unpair Runtime');
    await page.locator('.quick-input-list .monaco-list-row').filter({ hasText: 'gpu-box' }).click();
    await page.locator('.monaco-dialog-box').getByText('Unpair', { exact: true }).click();
    await statusBar(page, 'Velar: This machine').waitFor({ timeout: 30_000 });
    await page.getByText('its token is revoked').first().waitFor();
  });
});

describe('a workspace that is not trusted', function () {
  this.timeout(180_000);
  let scratch: string;
  let workbench: Workbench;

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'velar-untrusted-'));
    const folder = join(scratch, 'examples');
    await cp('examples', folder, { recursive: true });
    workbench = await startWorkbench({
      folder,
      extensionDevelopmentPath: resolve('.'),
      workspaceTrust: true,
      env: { VELAR_HOME: join(scratch, 'home') },
    });
  });

  afterEach(keepFailure(() => workbench, 'failed-untrusted'));

  after(async () => {
    await workbench.dispose();
    await rm(scratch, { recursive: true, force: true, maxRetries: 5 });
  });

  it('shows lenses, and neither runs nor starts a runtime', async () => {
    const { page } = workbench;
    await page.getByText("No, I don't trust the authors").click();
    await workbench.openFile('hello.py');
    const lens = page.locator('.codelens-decoration a').filter({ hasText: 'Run on GPU' }).first();
    await lens.click({ timeout: 60_000 });
    await page.getByText('not trusted').first().waitFor({ timeout: 30_000 });
    await workbench.screenshot('untrusted');
    await lens.waitFor();
    await statusBar(page, 'Velar: This machine').waitFor();
    assert.equal(await page.getByText('starting the runtime').count(), 0);
  });
});
