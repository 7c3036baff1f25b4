import * as assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FrameLocator, Locator, Page } from 'playwright-core';
import type { Workbench } from '../../scripts/vscode/workbench.mjs';
import { openDesk, THEMES, type Desk } from '../support/vscode/desk';
import { keepFailure } from './failure';
import { COLD_MS, lens, panelOf } from './page';

const app = (price: number, near: string): string => `import time

import velar

app = velar.App("shop")


@app.function()
def quote(item: str, times: int = 1, urgent: bool = False) -> dict:
    print("quoting", item)
    time.sleep(0.05)
    return {"item": item, "total": ${price} * times, "near": ${near}, "urgent": urgent}


@app.function()
def wait(seconds: float = 600.0) -> None:
    print("waiting", flush=True)
    time.sleep(seconds)


@app.function()
def fail(why: str = "no such luck") -> None:
    raise ValueError(why)
`;

for (const { theme, shade } of THEMES) {
  describe(`trying what is deployed in VS Code (${shade} theme)`, function () {
    this.timeout(2 * COLD_MS);
    let desk: Desk;
    let workbench: Workbench;
    let page: Page;
    let panel: FrameLocator;

    before(async function () {
      this.timeout(300_000);
      desk = await openDesk(
        { 'shop.py': app(10, '1.0') },
        {
          colorTheme: theme,
          prepare: async ({ folder, velar }) => {
            await velar('deploy', 'shop.py', '--env', 'production', '--json');
            await writeFile(join(folder, 'shop.py'), app(12, '1.0000000001'));
            await velar('deploy', 'shop.py', '--env', 'staging', '--json');
          },
        },
      );
      ({ workbench } = desk);
      ({ page } = workbench);
      panel = panelOf(page);
      await workbench.openFile('shop.py');
    });

    afterEach(keepFailure(() => workbench, `failed-try-${shade}`));

    after(async () => {
      await desk.dispose();
    });

    const part = (testId: string): Locator => panel.getByTestId(testId);
    const field = (name: string): Locator => part(`try-input-${name}`).locator('input');
    const pick = (text: string): Promise<void> =>
      page.locator('.quick-input-list .monaco-list-row', { hasText: text }).click();
    /** Chooses from a drop-down of the panel. */
    const choose = async (list: Locator, text: string): Promise<void> => {
      await list.click();
      await list.locator('vscode-option', { hasText: text }).click();
    };
    const openTry = async (deployment: string, name: string): Promise<void> => {
      await workbench.runCommand('Velar: Try Deployment');
      await page.locator('.quick-input-widget input[placeholder="Which deployment?"]').waitFor({
        timeout: COLD_MS,
      });
      await pick(deployment);
      await pick(name);
    };

    it('opens a form made from the signature that is deployed, and says what is wrong in it', async () => {
      await openTry('staging', 'quote');
      await part('try-form').waitFor({ timeout: COLD_MS });
      await panel.getByText('version 2 · no git commit known').waitFor();
      await panel.getByRole('textbox', { name: 'item: str *' }).waitFor();
      await part('try-call').click();
      await part('try-form').getByText('Required. For an empty text, write ""').waitFor();
      await field('item').fill('lamp');
      await field('times').fill('three');
      await part('try-form').getByText('Expected int: a whole number such as 3').waitFor();
      await workbench.screenshot(`try-form-${shade}`);
      await field('times').fill('3');
    });

    it('calls it: the response, and where the time went, measured', async () => {
      await field('times').press('Enter');
      await part('try-response').getByText('total: 36').waitFor({ timeout: COLD_MS });
      const latency = part('try-latency');
      await latency.getByText('container').waitFor();
      const text = await latency.innerText();
      assert.match(text, /Queue\s+(<1|[\d.]+) m?s/);
      assert.match(text, /Cold start\s+[\d.]+ m?s\s+.*container [\d.]+ m?s/);
      assert.match(text, /Execution\s+((5\d|[6-9]\d|\d{3}) ms|[\d.]+ s)\s+on CPU/);
      assert.match(text, /Cost\s+\$0/);
      await part('log').getByText('quoting lamp').waitFor();
      await part('container')
        .filter({ hasText: /shop (idle|busy)/ })
        .waitFor();
      await workbench.screenshot(`try-response-${shade}`);
      await part('try-call').click();
      await latency.getByText('none: warm container').waitFor({ timeout: COLD_MS });
    });

    it('compares two versions with the same inputs: what differs, and the figures', async () => {
      await part('try-compare').click();
      const finding = part('compare-diff');
      await finding.getByText('Results differ in 5 of 5 pairs of calls').waitFor({
        timeout: COLD_MS,
      });
      assert.match(await finding.innerText(), /total\s+36\s+30/);
      assert.doesNotMatch(await finding.innerText(), /near|urgent/);
      const table = await part('compare-table').innerText();
      assert.match(table, /Staging version 2\s+Production version 1/);
      assert.match(
        table,
        /Latency p50\s+[\d.]+ m?s of \d calls.*\s+[\d.]+ m?s of 4 calls, 1 cold left out/,
      );
      assert.match(table, /Cost per call\s+\$0/);
      assert.match(table, /Calls\s+5 returned\s+5 returned/);
      await part('try-cancel').waitFor({ state: 'hidden' });
      await workbench.screenshot(`compare-${shade}`);
      await part('compare-tolerance').locator('input').fill('0.5');
      await finding.getByText('Results are equal in all 5 pairs of calls, within 0.5').waitFor();
      await part('compare-tolerance').locator('input').fill('0');
      await finding.getByText('near').waitFor();
    });

    it('compares with inputs of earlier calls, too, and says which of them differ', async () => {
      await field('item').fill('chair');
      await choose(part('compare-inputs'), 'these and 1 earlier input');
      await part('try-compare').click();
      const finding = part('compare-diff');
      await finding.getByText('Results differ in 10 of 10 pairs of calls').waitFor({
        timeout: COLD_MS,
      });
      const text = await finding.innerText();
      assert.match(text, /item=chair, times=3\s+differs in 5 of 5 pairs/);
      assert.match(text, /item=lamp, times=3\s+differs in 5 of 5 pairs/);
      assert.match(text, /The first that differs: item=chair/);
      await part('try-cancel').waitFor({ state: 'hidden' });
      await workbench.screenshot(`compare-inputs-${shade}`);
      await choose(part('compare-inputs'), 'these inputs');
    });

    // Colours are what differs: one theme is enough for the rest.
    if (shade === 'light') return;

    it('keeps what was typed and called while the panel is away, and the inputs of each call', async () => {
      await field('item').fill('chair');
      await workbench.runCommand('View: Hide Panel');
      await part('try-form').waitFor({ state: 'detached' });
      await workbench.runCommand('Velar: Open Panel');
      await part('compare-table').waitFor();
      assert.equal(await field('item').inputValue(), 'chair');
      await choose(part('try-saved'), 'item=lamp, times=3');
      await part('try-form').locator('vscode-text-field[current-value=lamp]').waitFor();
    });

    it('cancels a call, tells a failure in place, and goes back to the runs', async () => {
      await choose(part('try-function'), 'wait');
      await field('seconds').waitFor();
      await part('try-call').click();
      await part('log').getByText('waiting').waitFor({ timeout: COLD_MS });
      await part('try-cancel').click();
      await part('try-response').getByText('Cancelled').first().waitFor({ timeout: 30_000 });
      await part('try-call').waitFor();
      await part('try-compare').click();
      const comparison = panel.getByRole('region', { name: 'Comparison of staging' });
      await comparison.getByText('Called wait() 0 of 10 times').waitFor({ timeout: 30_000 });
      await part('try-cancel').click();
      await comparison
        .getByText('Cancelled after 0 of 10 calls of wait()')
        .waitFor({ timeout: 30_000 });
      await choose(part('try-function'), 'fail');
      await field('why').waitFor();
      await part('try-call').click();
      await part('try-response')
        .getByText('ValueError: no such luck', { exact: true })
        .waitFor({ timeout: COLD_MS });
      await workbench.screenshot('try-failure');
      await page.setViewportSize({ width: 700, height: 900 });
      await workbench.screenshot('try-narrow');
      await page.setViewportSize({ width: 1440, height: 900 });
      await part('try-back').click();
      await panel.getByText('Run a Python function on a GPU').waitFor();
      await lens(page, 'Run on GPU', 2).click();
      await part('result')
        .getByText('ValueError: no such luck', { exact: true })
        .waitFor({ timeout: COLD_MS });
    });
  });
}
