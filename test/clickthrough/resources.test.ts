import * as assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import type { Workbench } from '../../scripts/vscode/workbench.mjs';
import { openDesk, THEMES, type Desk } from '../support/vscode/desk';
import { keepFailure } from './failure';
import { answer, COLD_MS, dialog, lens, panelOf, toast } from './page';

const VALUE = 'walrus-4711-parade';

const APP = `import os

import velar

app = velar.App("secretive")


@app.function(secrets=[velar.Secret.from_name("huggingface")])
def whisper() -> int:
    print("token", os.environ["HF_TOKEN"])
    return len(os.environ["HF_TOKEN"])
`;

for (const { theme, shade } of THEMES) {
  describe(`secrets and storage in VS Code (${shade} theme)`, function () {
    this.timeout(2 * COLD_MS);
    let desk: Desk;
    let workbench: Workbench;
    let page: Page;

    before(async function () {
      this.timeout(180_000);
      desk = await openDesk(
        { 'secretive.py': APP },
        { colorTheme: theme, viewport: { width: 1280, height: 800 } },
      );
      ({ workbench } = desk);
      ({ page } = workbench);
      await workbench.openFile('secretive.py');
    });

    afterEach(keepFailure(() => workbench, `failed-resources-${shade}`));

    after(async () => {
      await desk.dispose();
    });

    const quickInput = (): Locator => page.locator('.quick-input-widget');

    /** What the command line says of the runtime that the editor uses. */
    async function velar(
      ...args: string[]
    ): Promise<Record<string, { name: string; kind?: string; variables?: string[] }[]>> {
      return JSON.parse(await desk.velar(...args, '--json')) as Record<
        string,
        { name: string; kind?: string; variables?: string[] }[]
      >;
    }

    it('sets a secret: a name and a variable that are checked, and a value that is not shown', async () => {
      await workbench.runCommand('Velar: Set Secret');
      await quickInput().filter({ hasText: '(1/3): name' }).waitFor({ timeout: COLD_MS });
      await answer(page, '(1/3): name', 'no/slashes');
      await quickInput().getByText('A name has up to 64').waitFor();
      await answer(page, '(1/3): name', 'huggingface');
      await answer(page, '(2/3): variable', '1ST');
      await quickInput().getByText('no digit first').waitFor();
      await answer(page, '(2/3): variable', 'HF_TOKEN');
      await quickInput().filter({ hasText: '(3/3): value of HF_TOKEN' }).waitFor();
      const input = quickInput().locator('input.input');
      assert.equal(await input.getAttribute('type'), 'password');
      await page.keyboard.type(VALUE);
      await workbench.screenshot(`set-secret-${shade}`);
      await page.keyboard.press('Enter');
      await toast(page, 'huggingface has HF_TOKEN').waitFor({ timeout: 30_000 });
      const { secrets } = await velar('secret', 'list');
      assert.deepEqual(
        secrets?.map(({ name, variables }) => [name, variables]),
        [['huggingface', ['HF_TOKEN']]],
      );
    });

    it('gives it to the function that names it, masked where it is printed and never logged', async () => {
      await lens(page, 'Run on GPU').click({ timeout: 60_000 });
      const panel = panelOf(page);
      await panel
        .getByTestId('result')
        .getByText(String(VALUE.length))
        .waitFor({ timeout: COLD_MS });
      const log = await panel.getByTestId('log').innerText();
      assert.match(log, /token /);
      assert.ok(!log.includes(VALUE));
      assert.ok(!(await readFile(join(desk.home, 'runtime.log'), 'utf8')).includes(VALUE));
      assert.ok(!workbench.log().includes(VALUE));
    });

    it('lists what is there when another is set', async () => {
      await workbench.runCommand('Velar: Set Secret');
      const row = quickInput().locator('.monaco-list-row', { hasText: 'huggingface' });
      await row.getByText('HF_TOKEN').waitFor();
      await row.click();
      await answer(page, '(2/3): variable', 'HF_REGION');
      await answer(page, '(3/3): value of HF_REGION', 'eu');
      await toast(page, 'HF_REGION, HF_TOKEN').waitFor({ timeout: 30_000 });
    });

    it('removes it after a question', async () => {
      await workbench.runCommand('Velar: Remove Secret');
      await quickInput().locator('.monaco-list-row', { hasText: 'huggingface' }).click();
      const question = dialog(page, 'Remove secret huggingface?');
      await question.waitFor();
      await workbench.screenshot(`remove-secret-${shade}`);
      await question.getByText('Remove', { exact: true }).click();
      await toast(page, 'removed huggingface').waitFor({ timeout: 30_000 });
      assert.deepEqual((await velar('secret', 'list'))['secrets'], []);
    });

    it('shows what lies on the disk with its size, and removes what is ticked after a question', async () => {
      await workbench.runCommand('Velar: Show Storage');
      await quickInput()
        .filter({ hasText: 'Storage of This machine' })
        .waitFor({ timeout: 30_000 });
      const row = quickInput().locator('.monaco-list-row', { hasText: 'with logs' });
      assert.match(await row.innerText(), /\d B|\d kB/);
      await row.click();
      await workbench.screenshot(`storage-${shade}`);
      const before = (await velar('storage', 'list'))['items']?.map(({ kind }) => kind);
      await quickInput().getByText('OK', { exact: true }).click();
      const question = dialog(page, 'Remove 1 item');
      await question.waitFor();
      await workbench.screenshot(`storage-question-${shade}`);
      await question.getByText('Remove', { exact: true }).click();
      await toast(page, /free again|Nothing was to be removed/).waitFor({ timeout: 30_000 });
      assert.ok(before?.includes('runs'));
    });
  });
}
