import * as assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import type { Workbench } from '../../scripts/vscode/workbench.mjs';
import { costReportSchema } from '../../runtime/protocol/metering';
import { formatUsd } from '../../runtime/protocol/figures';
import { openDesk, THEMES, type Desk } from '../support/vscode/desk';
import { keepFailure } from './failure';
import { answer, COLD_MS, dialog, lens, panelOf, toast } from './page';

const APP = `import time

import velar

app = velar.App("bill")


@app.function()
def work() -> str:
    time.sleep(0.3)
    return "worked"
`;
/** A dollar a second. */
const PRICES = { date: '2026-11-24', currency: 'USD', cpuUsdPerHour: 3600, gpus: [] };

for (const { theme, shade } of THEMES) {
  describe(`costs in VS Code (${shade} theme)`, function () {
    this.timeout(2 * COLD_MS);
    let desk: Desk;
    let workbench: Workbench;
    let page: Page;

    before(async function () {
      this.timeout(180_000);
      desk = await openDesk(
        { 'bill.py': APP },
        {
          colorTheme: theme,
          prepare: async ({ home }) => {
            await mkdir(home);
            await writeFile(join(home, 'prices.json'), JSON.stringify(PRICES));
          },
        },
      );
      ({ workbench } = desk);
      ({ page } = workbench);
      await workbench.openFile('bill.py');
    });

    afterEach(keepFailure(() => workbench, `failed-cost-${shade}`));

    after(async () => {
      await desk.dispose();
    });

    /** A line of the page that is open, spaces as spaces. */
    const line = (text: string | RegExp) => page.locator('.view-line').filter({ hasText: text });

    it('are shown as the runtime has them, by function and by app', async () => {
      await lens(page, 'Run on GPU').click({ timeout: 60_000 });
      await panelOf(page).getByTestId('result').getByText('worked').waitFor({ timeout: COLD_MS });
      await workbench.runCommand('Velar: Show Cost');
      await line(/bill\.work/).waitFor({ timeout: 30_000 });
      const report = costReportSchema.parse(
        JSON.parse(await desk.velar('cost', '--days', '30', '--json')),
      );
      const usd = report.rows.reduce((sum, row) => sum + row.usd, 0);
      assert.ok(usd >= 0.3, String(usd));
      const told = (await line(/bill\.work/).innerText()).replaceAll('\u00a0', ' ');
      assert.ok(told.endsWith(formatUsd(usd)), `${told} tells ${formatUsd(usd)}`);
      await line(/Not.billed/).waitFor();
      await line(/No.budget.is.set/).waitFor();
      await lens(page, 'By app').click();
      await line(/^APP/).waitFor();
      assert.equal(await line(/bill\.work/).count(), 0);
      await workbench.screenshot(`cost-${shade}`);
    });

    it('are held by a budget, which stops runs and can be removed', async () => {
      await lens(page, 'Set budget…').click();
      await page.locator('.quick-input-list .monaco-list-row', { hasText: 'bill' }).click();
      await page.locator('.quick-input-list .monaco-list-row', { hasText: 'A day' }).click();
      await answer(page, '(3/3)', 'much');
      await page.locator('.quick-input-widget').getByText('Type an amount over 0').waitFor();
      await answer(page, '(3/3)', '0.10');
      await toast(page, 'a day for the app bill').waitFor({ timeout: 30_000 });
      const warning = toast(page, /velar budget: app bill has spent \$.* of \$0\.10/);
      await warning.getByText('Set Budget', { exact: true }).waitFor({ timeout: 30_000 });
      await warning.getByText('Show Cost', { exact: true }).click();
      await line(/bill.*a.day.*spent/).waitFor({ timeout: 30_000 });
      await workbench.screenshot(`cost-budget-${shade}`);
      await workbench.openFile('bill.py');
      await lens(page, 'Run on GPU').click();
      await panelOf(page)
        .getByText(/budget of 0\.10 USD/)
        .first()
        .waitFor({ timeout: COLD_MS });
      await workbench.runCommand('Velar: Remove Budget');
      await page
        .locator('.quick-input-list .monaco-list-row', { hasText: 'the app bill' })
        .click({ timeout: 30_000 });
      const question = dialog(page, 'Remove the budget for the app bill?');
      await question.waitFor();
      await question.getByText('Remove', { exact: true }).click();
      await toast(page, 'has no budget any more').waitFor({ timeout: 30_000 });
      assert.deepEqual(JSON.parse(await desk.velar('budget', '--json')), { budgets: [] });
    });
  });
}
