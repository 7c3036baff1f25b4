import * as assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import type { Workbench } from '../../scripts/vscode/workbench.mjs';
import { openDesk, THEMES, type Desk } from '../support/vscode/desk';
import { keepFailure } from './failure';
import { COLD_MS, lens, panelOf } from './page';

const APP = `import velar

from steps import scale

app = velar.App("training")


@app.function()
def train(rate: float = 0.5) -> float:
    settings = {"layers": [64, 32], "name": "small"}
    api_key = "not-to-be-seen"
    print("epoch 1 of 3")
    return scale(settings, rate)


@app.function()
def lonely() -> str:
    import velar_package_that_is_missing

    return velar_package_that_is_missing.NAME


@app.function()
def greet() -> dict:
    print("about to greet")
    return {"greeted": "world"}
`;
const STEPS = `def scale(settings: dict, rate: float) -> float:
    depth = len(settings["layers"])
    return settings["width"] * rate / depth
`;

for (const { theme, shade } of THEMES) {
  describe(`a failure, looked into (${shade} theme)`, function () {
    this.timeout(2 * COLD_MS);
    let desk: Desk;
    let workbench: Workbench;
    let page: Page;

    before(async function () {
      this.timeout(180_000);
      desk = await openDesk(
        { 'train.py': APP, 'steps.py': STEPS },
        { colorTheme: theme, viewport: { width: 1440, height: 1000 } },
      );
      ({ workbench } = desk);
      ({ page } = workbench);
    });

    afterEach(keepFailure(() => workbench, `failed-pm-${shade}`));

    after(async () => {
      await desk.dispose();
    });

    it('shows what a function returned and printed behind its definition', async () => {
      await workbench.openFile('train.py');
      await lens(page, 'Run on GPU', 2).click({ timeout: 60_000 });
      await panelOf(page).getByTestId('result').getByText('greeted').waitFor({ timeout: COLD_MS });
      await page.waitForFunction(() => {
        const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]);
        return rules.some(({ cssText }) => cssText.includes('printed: about to greet'));
      });
      await workbench.screenshot(`inline-${shade}`);
    });

    it('offers to add a missing package', async () => {
      await lens(page, 'Run on GPU', 1).click();
      await lens(page, 'ModuleNotFoundError').waitFor({ timeout: COLD_MS });
      await page.locator('.squiggly-error').first().waitFor({ state: 'attached' });
      await page.keyboard.press('F8');
      await page.keyboard.press('ControlOrMeta+.');
      await page.getByText("to the image's pip_install").first().waitFor();
      await workbench.screenshot(`quick-fix-${shade}`);
      await page.keyboard.press('Escape');
      await page.keyboard.press('Escape');
      await page.keyboard.press('ControlOrMeta+Home');
    });

    it('opens the failed frames with their variables on one click', async () => {
      await lens(page, 'Run on GPU').click();
      const panel = panelOf(page);
      await panel.getByText("KeyError: 'width'").first().waitFor({ timeout: COLD_MS });
      await panel.getByTestId('post-mortem').click();
      const stack = page.locator('.debug-call-stack');
      await stack.getByText('scale').first().waitFor({ timeout: 30_000 });
      const variables = page.locator('.debug-variables');
      await variables.getByText('depth').first().waitFor();
      await page.locator('.tab.active[aria-label*="steps.py"]').waitFor();
      await workbench.screenshot(`post-mortem-${shade}`);
      await stack.getByText('train').first().click();
      await variables.getByText('settings').first().waitFor();
      await variables.getByText('hidden: its name').first().waitFor();
      assert.equal(await variables.getByText('not-to-be-seen').count(), 0);
      await workbench.screenshot(`post-mortem-caller-${shade}`);
    });
  });
}
