/** What launch.json can ask for, and what stands beside plain breakpoints; one theme, as colours differ nowhere. */
import type { Locator, Page } from 'playwright-core';
import type { Workbench } from '../../scripts/vscode/workbench.mjs';
import { openDesk, type Desk } from '../support/vscode/desk';
import { keepFailure } from './failure';
import { COLD_MS, goToLine, lens, panelOf, toast } from './page';

const APP = `import json

import velar

app = velar.App("configured")


@app.function()
def dump(count: int) -> str:
    rows = list(range(count))
    text = json.dumps(rows)
    return text


@app.function()
def later() -> int:
    answer = 42
    return answer
`;

const LAUNCH = {
  version: '0.2.0',
  configurations: [
    {
      type: 'velar',
      request: 'launch',
      name: 'Dump two rows',
      file: '${workspaceFolder}/app.py',
      function: 'dump',
      args: [2],
      justMyCode: false,
      stopOnEntry: true,
    },
    { type: 'velar', request: 'attach', name: 'Attach to later', function: 'later' },
  ],
};

/** Line (from 1) of the first line that has the text. */
function lineOf(part: string): number {
  return APP.split('\n').findIndex((each) => each.includes(part)) + 1;
}

describe('debug configurations in VS Code', function () {
  this.timeout(2 * COLD_MS);
  let desk: Desk;
  let workbench: Workbench;
  let page: Page;

  before(async function () {
    this.timeout(180_000);
    desk = await openDesk(
      { 'app.py': APP, '.vscode/launch.json': JSON.stringify(LAUNCH) },
      { settings: { 'debug.openDebug': 'openOnDebugBreak', 'debug.toolBarLocation': 'docked' } },
    );
    ({ workbench } = desk);
    ({ page } = workbench);
    await workbench.openFile('app.py');
    await lens(page, 'Debug').waitFor({ timeout: 60_000 });
  });

  afterEach(keepFailure(() => workbench, 'debug-launch-failed'));

  after(async () => {
    await desk.dispose();
  });

  function toolbar(action: string): Locator {
    return page.locator(`.action-label[aria-label^="${action}"]`).first();
  }

  function frame(text: string): Locator {
    return page.locator('.debug-call-stack .monaco-list-row').filter({ hasText: text }).first();
  }

  function result(text: string): Locator {
    return panelOf(page).getByTestId('result').getByText(text).first();
  }

  function printed(text: string | RegExp): Locator {
    return page.locator('.repl .monaco-list-row').filter({ hasText: text });
  }

  async function goTo(part: string): Promise<void> {
    await workbench.openFile('app.py');
    await goToLine(page, lineOf(part));
  }

  /** Starts a configuration of launch.json by its name. */
  async function start(name: string): Promise<void> {
    await workbench.runCommand('Debug: Select and Start Debugging');
    // By keyboard: the list is drawn anew when the extension has told its own configurations.
    const input = page.locator('.quick-input-widget input.input');
    await input.fill(`debug ${name}`);
    const row = page.locator('.quick-input-list .monaco-list-row.focused');
    await row.filter({ hasText: name }).waitFor();
    await input.press('Enter');
  }

  it('stops where the function begins that launch.json names, with its arguments', async () => {
    await goTo('return text');
    await workbench.runCommand('Debug: Add Logpoint...');
    await page.locator('.breakpoint-widget .monaco-editor.focused').waitFor();
    await page.keyboard.type('{len(text)} characters of {count} rows');
    await page.keyboard.press('Enter');
    await page.locator('.codicon-debug-breakpoint-log').first().waitFor();

    await start('Dump two rows');
    await frame(`${String(lineOf('@app.function()'))}:`).waitFor({ timeout: COLD_MS });
    await page
      .locator('.debug-variables .monaco-list-row')
      .filter({ hasText: 'count' })
      .first()
      .getByText('2')
      .waitFor();
    await lens(page, 'stopped').waitFor();
  });

  it('steps into a library of the container, whose source is fetched read-only', async () => {
    await page.keyboard.press('F10');
    await frame(`${String(lineOf('rows = list'))}:`).waitFor();
    await page.keyboard.press('F10');
    await frame(`${String(lineOf('json.dumps'))}:`).waitFor();
    await page.keyboard.press('F11');
    await frame('dumps').waitFor({ timeout: 30_000 });
    const tab = page.locator('.tab.active');
    await tab.filter({ hasText: '__init__.py' }).waitFor();
    const line = page.locator('.view-line').filter({ hasText: '_default_encoder.encode' });
    await line.click({ timeout: 30_000 });
    await page.keyboard.type('x');
    await page.getByText('Cannot edit in read-only editor').first().waitFor();
    await workbench.screenshot('debug-library');
  });

  it('restarts from the toolbar with the same arguments', async () => {
    await toolbar('Restart').click();
    await frame(`${String(lineOf('@app.function()'))}:`).waitFor({ timeout: COLD_MS });
    await frame('dumps').waitFor({ state: 'detached' });
  });

  it('prints what a logpoint says without a stop', async () => {
    await toolbar('Continue').click();
    await page.locator('.debug-call-stack .monaco-list-row').first().waitFor({ state: 'detached' });
    await workbench.runCommand('Debug Console: Focus on Debug Console View');
    await printed('6 characters of 2 rows').first().waitFor();
    await page.locator('.tab.active').filter({ hasText: 'app.py' }).waitFor();
    await lens(page, 'Cancel').waitFor({ state: 'detached', timeout: 30_000 });
    await workbench.screenshot('debug-logpoint');
  });

  it('attaches to the next call of a container', async () => {
    await workbench.openFile('app.py');
    await lens(page, 'Run on GPU', 1).click();
    await result('42').waitFor({ timeout: COLD_MS });

    await goTo('return answer');
    await page.keyboard.press('F9');
    await start('Attach to later');
    await toast(page, 'waiting for the next call').waitFor({ timeout: 30_000 });
    await workbench.openFile('app.py');
    await lens(page, 'Run on GPU', 1).click();
    await frame(`${String(lineOf('return answer'))}:`).waitFor({ timeout: COLD_MS });
    await page
      .locator('.debug-variables .monaco-list-row')
      .filter({ hasText: 'answer' })
      .first()
      .getByText('42')
      .waitFor();
    await panelOf(page).getByText('Stopped', { exact: true }).waitFor();
    await workbench.screenshot('debug-attached');
    await toolbar('Continue').click();
    await page.locator('.debug-call-stack .monaco-list-row').first().waitFor({ state: 'detached' });
    await workbench.runCommand('Velar: Open Panel');
    await result('42').waitFor();
    await toolbar('Continue').waitFor({ state: 'hidden' });
  });
});
