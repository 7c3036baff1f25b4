import * as assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import type { Workbench } from '../../scripts/vscode/workbench.mjs';
import { openDesk, THEMES, type Desk } from '../support/vscode/desk';
import { keepFailure } from './failure';
import { answer, COLD_MS, lens, panelOf, showExplorer, toast, treeRow } from './page';

const APP = `import velar

app = velar.App("hello")


@app.function()
def greet(name: str = "Ada") -> str:
    return f"hello {name}"
`;

const CHANGED = APP.replace('function()', 'function(timeout=60)').replace('hello {', 'good day {');

const SHIP = `import velar

app = velar.App("shipped")


@app.function()
def job() -> int:
    return 1


@app.local_entrypoint()
def main():
    app.deploy(wait=True)
`;

for (const { theme, shade } of THEMES) {
  describe(`deploying from VS Code (${shade} theme)`, function () {
    this.timeout(2 * COLD_MS);
    let desk: Desk;
    let workbench: Workbench;
    let page: Page;

    before(async function () {
      this.timeout(180_000);
      desk = await openDesk({ 'hello.py': APP, 'ship.py': SHIP }, { colorTheme: theme });
      ({ workbench } = desk);
      ({ page } = workbench);
      await workbench.openFile('hello.py');
    });

    afterEach(keepFailure(() => workbench, `failed-deploy-${shade}`));

    after(async () => {
      await desk.dispose();
    });

    /** Runs a step up to the message that tells what an environment serves, and takes the message away. */
    async function serves(environment: string, version: number): Promise<void> {
      const told = toast(page, `hello version ${String(version)} serves ${environment}`);
      await told.waitFor({ timeout: COLD_MS });
      await workbench.screenshot(`${environment}-${String(version)}-${shade}`);
      await workbench.runCommand('Notifications: Clear All Notifications');
      await told.waitFor({ state: 'detached' });
    }

    async function confirm(verb: string): Promise<void> {
      await answer(page, `${verb} hello`, 'hello');
    }

    it('makes a version from the lens, which staging serves and the tree lists', async () => {
      await lens(page, 'Deploy to staging').click({ timeout: 60_000 });
      await serves('staging', 1);
      await showExplorer(page);
      await treeRow(page, /^\s*staging.*version 1 · deployed/).waitFor();
      await treeRow(page, /greet.*\/v1\/endpoints\/staging\/hello\/greet/).waitFor();
      await treeRow(page, /production.*serves nothing/).waitFor();
      await workbench.screenshot(`deployments-${shade}`);
    });

    it('shows what changes before a promotion, and promotes for the typed name only', async () => {
      await workbench.runCommand('Velar: Promote to Production');
      await page.locator('.quick-input-widget').filter({ hasText: 'Type hello to let' }).waitFor();
      await page.locator('.view-line').filter({ hasText: 'greet' }).first().waitFor();
      await page.keyboard.type('hallo');
      await page.getByText('That is not hello.').first().waitFor();
      await confirm('Promote');
      await serves('production', 1);
      await treeRow(page, /^\s*production.*version 1 · promoted/).waitFor();
    });

    it('shows code line by line below the box that asks, and side by side', async () => {
      await writeFile(join(desk.folder, 'hello.py'), CHANGED);
      await desk.velar('deploy', 'hello.py');
      await treeRow(page, /^\s*staging.*version 2 · deployed/).waitFor();
      await workbench.runCommand('Velar: Promote to Production');
      const box = page.locator('.quick-input-widget').filter({ hasText: 'Type hello to let' });
      await box.waitFor();
      const first = page.locator('.view-line').filter({ hasText: 'production of hello serves' });
      await page.locator('.view-line').filter({ hasText: 'timeout 300 s → 60 s' }).waitFor();
      await page.locator('.view-line').filter({ hasText: '+    return f"good day' }).waitFor();
      await workbench.screenshot(`promote-${shade}`);
      const [boxed, line] = [await box.boundingBox(), await first.boundingBox()];
      assert.ok(boxed && line && boxed.y + boxed.height <= line.y, 'the box hides no change');
      await box.locator('.action-label[aria-label*="Compare Code"]').click();
      const editor = page.locator('.diff-editor, .monaco-diff-editor').first();
      await editor.locator('.view-line').filter({ hasText: 'good day' }).waitFor();
      await editor.locator('.view-line').filter({ hasText: 'hello {name}' }).waitFor();
      await workbench.screenshot(`promote-code-${shade}`);
      await workbench.runCommand('Velar: Show Changes Before Promoting');
      await lens(page, 'Promote to production').click();
      await confirm('Promote');
      await serves('production', 2);
    });

    // Colours are what differs: one theme is enough for the rest.
    if (shade === 'light') return;

    it('goes back to an earlier version', async () => {
      await workbench.runCommand('Velar: Roll Back');
      const rows = page.locator('.quick-input-widget .monaco-list-row');
      await rows.filter({ hasText: 'production' }).click();
      await rows.filter({ hasText: 'version 1' }).click();
      await confirm('Roll Back');
      await serves('production', 1);
      await treeRow(page, /^\s*production.*version 1 · rolled back/).waitFor();
    });

    it('protects production, which then refuses what was not promoted', async () => {
      await workbench.runCommand('Velar: Protect Production');
      await toast(page, 'takes promoted versions only').waitFor();
      await treeRow(page, /hello.*production protected/).waitFor();
      const refused = desk.velar('deploy', 'hello.py', '--env', 'production');
      await assert.rejects(refused, /takes promoted versions only/);
    });

    it('takes production down for the typed name, once it is not protected any more', async () => {
      await workbench.runCommand('Velar: Unprotect Production');
      await toast(page, 'takes any version').waitFor();
      await workbench.runCommand('Velar: Take Down');
      const rows = page.locator('.quick-input-widget .monaco-list-row');
      await rows.filter({ hasText: 'production' }).click();
      await workbench.screenshot(`take-down-${shade}`);
      await confirm('Take Down');
      await toast(page, 'production of hello serves nothing now').waitFor();
      await treeRow(page, /^\s*production.*serves nothing/).waitFor();
      await treeRow(page, /^\s*staging.*version 2/).waitFor();
    });

    it('shows a deploy that a local entrypoint starts beside the entrypoint, with what it made', async () => {
      await workbench.openFile('ship.py');
      await lens(page, 'Run Locally').click();
      const told = toast(page, 'shipped version 1 serves staging');
      await told.waitFor({ timeout: COLD_MS });
      await treeRow(page, /^\s*shipped/).waitFor();
      const panel = panelOf(page);
      const part = (id: string): Locator => panel.getByTestId(id);
      const runs = panel.locator('.run-picker');
      const deploy = runs.locator('vscode-option', { hasText: 'deploy to staging' }).first();
      await deploy.waitFor({ state: 'attached' });
      await runs.locator('.selected-value', { hasText: 'main' }).waitFor();
      await part('phase-container').filter({ hasText: 'no remote call' }).waitFor();
      await runs.click();
      await deploy.click();
      await part('result').getByText('shipped').waitFor();
      await part('phase-container').filter({ hasText: 'Python' }).waitFor();
      await workbench.screenshot('deploy-of-entrypoint');
    });
  });
}
