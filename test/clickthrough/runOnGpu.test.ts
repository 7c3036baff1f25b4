import * as assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import type { Workbench } from '../../scripts/vscode/workbench.mjs';
import { openDesk, THEMES, type Desk } from '../support/vscode/desk';
import { keepFailure } from './failure';
import { answer, COLD_MS, lens, panelOf, showExplorer } from './page';

const PHASES = ['queued', 'provisioning', 'image', 'container', 'imports', 'model-load', 'running'];

/** Asks for a card that the machines of the tests lack, and says where it ran. */
const GPU_APP = `import os

import velar

app = velar.App("gpu")


@app.function(gpu="L4")
def device() -> str:
    return os.environ.get("VELAR_DEVICE", "unknown")
`;

const SLOW_APP = `import time

import velar

app = velar.App("slow")


@app.function()
def wait(seconds: int = 600) -> None:
    for second in range(seconds):
        print("waited", second, "s", flush=True)
        time.sleep(1)
`;

for (const { theme, shade } of THEMES) {
  describe(`clicking Run on GPU in VS Code (${shade} theme)`, function () {
    this.timeout(2 * COLD_MS);
    let desk: Desk;
    let workbench: Workbench;
    let page: Page;

    before(async function () {
      this.timeout(180_000);
      desk = await openDesk(
        { 'gpu.py': GPU_APP, 'slow.py': SLOW_APP },
        { colorTheme: theme, prepare: ({ folder }) => cp('examples', folder, { recursive: true }) },
      );
      ({ workbench } = desk);
      ({ page } = workbench);
    });

    afterEach(keepFailure(() => workbench, `failed-${shade}`));

    after(async () => {
      await desk.dispose();
    });

    it('shows phases, a log line, cost and the result of the first click', async () => {
      await workbench.openFile('hello.py');
      await lens(page, 'Run on GPU').click({ timeout: 60_000 });
      const panel = panelOf(page);
      await panel.getByTestId('log').getByText('3/3: hello, world!').waitFor({ timeout: COLD_MS });
      await panel.getByTestId('result').getByText('greeted').waitFor();
      for (const phase of PHASES) await panel.getByTestId(`phase-${phase}`).waitFor();
      const focused = await page.evaluate(() => document.activeElement?.tagName);
      assert.notEqual(focused, 'IFRAME', 'the panel took the focus away from the editor');
      await panel.getByTestId('cost').getByText('$0').waitFor();
      await lens(page, '$0').waitFor();
      await workbench.screenshot(`run-${shade}`);
    });

    it('asks for a required argument, refuses a wrong one, and marks the line that raised', async () => {
      await lens(page, 'Run on GPU', 1).click();
      await answer(page, ': numerator (', 'ten');
      await page.getByText('Expected float').waitFor();
      await workbench.screenshot(`argument-${shade}`);
      await answer(page, ': numerator (', '10');
      await panelOf(page)
        .getByTestId('log')
        .getByText('dividing 10 by 0.0')
        .waitFor({ timeout: 30_000 });
      await page.locator('.squiggly-error').first().waitFor({ state: 'attached' });
      await lens(page, 'ZeroDivisionError').waitFor();
      await panelOf(page).getByText('ZeroDivisionError').first().waitFor();
      await workbench.screenshot(`error-${shade}`);
    });

    // Colours are what differs: one theme is enough for the rest.
    if (shade === 'light') return;

    it('runs again with other arguments, the last ones filled in', async () => {
      await lens(page, 'Arguments…', 1).click();
      const input = page.locator('.quick-input-widget input.input');
      await page.locator('.quick-input-widget').filter({ hasText: ': numerator (' }).waitFor();
      assert.equal(await input.inputValue(), '10');
      await page.keyboard.press('Enter');
      await answer(page, ': denominator (', '4');
      await panelOf(page).getByTestId('result').getByText('2.5').waitFor({ timeout: 30_000 });
      await page.locator('.squiggly-error').waitFor({ state: 'detached' });
    });

    it('asks before a GPU function runs on the CPU, and says CPU when it does', async () => {
      await workbench.openFile('gpu.py');
      await lens(page, 'Run on GPU').click({ timeout: 30_000 });
      const dialog = page.locator('.monaco-dialog-box');
      await dialog.getByText('asks for L4').waitFor({ timeout: 30_000 });
      await workbench.screenshot(`cpu-question-${shade}`);
      await dialog.getByText('Run on CPU').click();
      await panelOf(page)
        .getByTestId('result')
        .getByText('cpu')
        .first()
        .waitFor({ timeout: COLD_MS });
      await lens(page, 'on CPU').waitFor();
      await workbench.screenshot(`cpu-${shade}`);
    });

    it('lists the functions and containers, and cancels from the lens', async () => {
      await showExplorer(page);
      const tree = page.locator('.pane-body .monaco-list');
      await tree.getByText('count_primes').first().waitFor({ timeout: 30_000 });
      await tree.getByText('Containers').first().waitFor();
      await workbench.openFile('slow.py');
      await lens(page, 'Run on GPU').click({ timeout: 30_000 });
      await panelOf(page).getByTestId('log').getByText('waited 1 s').waitFor({ timeout: COLD_MS });
      await workbench.screenshot(`running-${shade}`);
      await lens(page, 'Cancel').click();
      await lens(page, 'cancelled').waitFor();
    });
  });
}
