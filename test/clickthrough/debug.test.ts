import type { Locator, Page } from 'playwright-core';
import type { Workbench } from '../../scripts/vscode/workbench.mjs';
import { openDesk, THEMES, type Desk } from '../support/vscode/desk';
import { keepFailure } from './failure';
import { COLD_MS, evaluate, goToLine, lens, panelOf, statusBar } from './page';

const APP = `import multiprocessing
import time

import helper
import velar

app = velar.App("debugged")


@app.function()
def total(count: int = 3) -> int:
    numbers = list(range(count))
    print("adding", count, "numbers")
    result = helper.add(numbers)
    return result


@app.function()
def fails() -> None:
    numbers = {"a": 1}
    print(numbers["missing"])


def square(x: int) -> int:
    squared = x * x
    return squared


@app.function()
def parallel() -> int:
    child = multiprocessing.get_context("fork").Process(target=square, args=(12,))
    child.start()
    child.join()
    return child.exitcode or 0


@app.function()
def endless() -> None:
    ticks = 0
    while True:
        ticks += 1
        time.sleep(0.05)
`;

const HELPER = `def add(numbers):
    summed = 0
    for number in numbers:
        summed += number
    return summed
`;

/** Line (from 1) of the first line that has the text. */
function lineOf(text: string, part: string): number {
  return text.split('\n').findIndex((line) => line.includes(part)) + 1;
}

for (const { theme, shade } of THEMES) {
  describe(`clicking Debug in VS Code (${shade} theme)`, function () {
    this.timeout(2 * COLD_MS);
    let desk: Desk;
    let workbench: Workbench;
    let page: Page;

    before(async function () {
      this.timeout(180_000);
      desk = await openDesk(
        { 'app.py': APP, 'helper.py': HELPER },
        {
          colorTheme: theme,
          settings: { 'debug.openDebug': 'openOnDebugBreak', 'debug.toolBarLocation': 'docked' },
        },
      );
      ({ workbench } = desk);
      ({ page } = workbench);
    });

    afterEach(keepFailure(() => workbench, `debug-failed-${shade}`));

    after(async () => {
      await desk.dispose();
    });

    /** Sets a breakpoint, and sees its dot. */
    async function setBreakpoint(file: string, line: number): Promise<void> {
      await workbench.openFile(file);
      await lens(page, 'Debug').waitFor({ timeout: 60_000 });
      await goToLine(page, line);
      const dots = page.locator('.glyph-margin-widgets .codicon-debug-breakpoint');
      const before = await dots.count();
      await page.keyboard.press('F9');
      await dots.nth(before).waitFor();
    }

    function toolbar(action: string): Locator {
      return page.locator(`.action-label[aria-label^="${action}"]`).first();
    }

    /** The row of a variable in the view of variables. */
    function variable(name: string): Locator {
      return page.locator('.debug-variables .monaco-list-row').filter({ hasText: name }).first();
    }

    function stoppedAt(line: number): Locator {
      return page
        .locator('.debug-call-stack .monaco-list-row')
        .filter({ hasText: `${String(line)}:` })
        .first();
    }

    it('stops at a breakpoint, reads and evaluates, steps into a sibling, and gives the result', async () => {
      await setBreakpoint('app.py', lineOf(APP, 'result = helper.add'));
      await lens(page, 'Debug', 0).click({ timeout: 60_000 });
      await stoppedAt(lineOf(APP, 'result = helper.add')).waitFor({ timeout: COLD_MS });
      await variable('count').getByText('3').waitFor();
      await variable('numbers').getByText('[0, 1, 2]').waitFor();
      await lens(page, 'stopped at a breakpoint').waitFor();
      await statusBar(page, 'stopped at a breakpoint').waitFor();
      await workbench.screenshot(`debug-stopped-${shade}`);

      await evaluate(page, workbench, 'sum(numbers) * 100');
      await page.getByText('adding 3 numbers').first().waitFor();
      await page.locator('.repl .monaco-list-row').filter({ hasText: /^300$/ }).waitFor();
      await workbench.screenshot(`debug-console-${shade}`);

      await page.keyboard.press('F11');
      await stoppedAt(2).waitFor({ timeout: 30_000 });
      await page.locator('.tab.active').filter({ hasText: 'helper.py' }).waitFor();
      await toolbar('Continue').click();
      await workbench.runCommand('Velar: Open Panel');
      await panelOf(page).getByTestId('result').getByText('3').first().waitFor({ timeout: 30_000 });
      await workbench.screenshot(`debug-result-${shade}`);
    });

    // Colours are what differs: one theme is enough for the rest.
    if (shade === 'light') return;

    it('stops where an exception leaves the function', async () => {
      await workbench.openFile('app.py');
      await lens(page, 'Debug', 1).click();
      await page
        .locator('.exception-widget')
        .getByText('KeyError')
        .first()
        .waitFor({ timeout: COLD_MS });
      await lens(page, 'stopped at an exception').waitFor();
      await workbench.screenshot(`debug-exception-${shade}`);
      await toolbar('Continue').click();
      await lens(page, 'KeyError').waitFor({ timeout: 30_000 });
    });

    it('shows a child process as a session of its own', async () => {
      await setBreakpoint('app.py', lineOf(APP, 'squared = x * x') + 1);
      await lens(page, 'Debug', 2).click();
      await page
        .locator('.debug-call-stack .monaco-list-row')
        .filter({ hasText: /Process \d+/ })
        .first()
        .waitFor({ timeout: COLD_MS });
      await variable('squared').getByText('144').waitFor({ timeout: 30_000 });
      await workbench.screenshot(`debug-child-${shade}`);
      await toolbar('Continue').click();
      await lens(page, 'Cancel').waitFor({ state: 'detached', timeout: 30_000 });
    });

    it('pauses what runs, asks before a second session, and stops the call', async () => {
      await workbench.openFile('app.py');
      await lens(page, 'Debug', 3).click();
      await lens(page, 'running').waitFor({ timeout: COLD_MS });
      await toolbar('Pause').click();
      await variable('ticks').waitFor({ timeout: 30_000 });
      await lens(page, 'paused by the debugger').waitFor();
      await workbench.openFile('app.py');
      await goToLine(page, lineOf(APP, 'ticks += 1'));
      await page.keyboard.press('End');
      await page.keyboard.type('  # faster');
      await page.locator('.squiggly-info').first().waitFor({ state: 'attached' });
      await workbench.screenshot(`debug-edited-${shade}`);
      await lens(page, 'Debug', 3).click();
      const question = page.locator('.monaco-dialog-box').filter({ hasText: 'debugged already' });
      await question.waitFor();
      await workbench.screenshot(`debug-second-${shade}`);
      await question.getByText('Cancel').click();
      await toolbar('Stop').click();
      await lens(page, 'cancelled').waitFor({ timeout: 30_000 });
      await page.locator('.squiggly-info').waitFor({ state: 'detached' });
      await page
        .locator('.debug-call-stack .monaco-list-row')
        .first()
        .waitFor({ state: 'detached' });
    });
  });
}
