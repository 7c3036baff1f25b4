import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import type { Workbench } from '../../scripts/vscode/workbench.mjs';
import { startWorkbench } from '../support/vscode/workbench';
import { keepFailure } from './failure';
import { COLD_MS, lens, panelOf, rowAction, showExplorer, treeRow } from './page';

const FOLDERS = ['north', 'south'] as const;

const APP = `import velar
from place import NAME

app = velar.App("where")


@app.function()
def where() -> str:
    print("from", NAME)
    return "I am in " + NAME
`;
/** Its app is another file's: known only where modules are looked up in the right folder. */
const JOB = `from app import app
from place import NAME


@app.function()
def job() -> str:
    return "a job of " + NAME
`;

describe('a workspace of two folders with files of the same names', function () {
  this.timeout(2 * COLD_MS);
  let scratch: string;
  let workbench: Workbench;
  let page: Page;

  before(async function () {
    this.timeout(180_000);
    scratch = await mkdtemp(join(tmpdir(), 'velar-roots-'));
    for (const name of FOLDERS) {
      await mkdir(join(scratch, name));
      await writeFile(join(scratch, name, 'app.py'), APP);
      await writeFile(join(scratch, name, 'job.py'), JOB);
      await writeFile(join(scratch, name, 'place.py'), `NAME = "${name}"\n`);
    }
    const folder = join(scratch, 'both.code-workspace');
    await writeFile(folder, JSON.stringify({ folders: FOLDERS.map((path) => ({ path })) }));
    workbench = await startWorkbench({
      folder,
      extensionDevelopmentPath: resolve('.'),
      env: { VELAR_HOME: join(scratch, 'home') },
    });
    ({ page } = workbench);
  });

  afterEach(keepFailure(() => workbench, 'failed-roots'));

  after(async () => {
    await workbench.dispose();
    await rm(scratch, { recursive: true, force: true, maxRetries: 5 });
  });

  const result = (text: string): Locator =>
    panelOf(page).getByTestId('result').getByText(text).first();

  it('lists the functions of both, each under its folder', async () => {
    await showExplorer(page);
    for (const name of FOLDERS) {
      await treeRow(page, new RegExp(`app\\.py\\s*${name}`)).waitFor({ timeout: 60_000 });
    }
    await treeRow(page, /^\s*where/, 1).waitFor();
    await treeRow(page, /^\s*job(?!\.)/, 1).waitFor();
  });

  it('runs the one that is asked for, from the tree', async () => {
    for (const [index, name] of FOLDERS.entries()) {
      const row = treeRow(page, /^\s*where/, index);
      await rowAction(row, 'Run on GPU');
      await result(`I am in ${name}`).waitFor({ timeout: COLD_MS });
      // The tree draws the run's end a little later; a click in that moment would be lost.
      await row.locator('.codicon-pass').waitFor();
    }
    for (const [index, name] of FOLDERS.entries()) {
      const row = treeRow(page, /^\s*job(?!\.)/, index);
      await rowAction(row, 'Run on GPU');
      await result(`a job of ${name}`).waitFor({ timeout: COLD_MS });
      await row.locator('.codicon-pass').waitFor();
    }
    await workbench.screenshot('roots');
  });

  it('runs the one whose lens is clicked, and shows its end there alone', async () => {
    for (const [index, name] of FOLDERS.entries()) {
      await treeRow(page, /^\s*where/, index).click();
      await page
        .locator('.tab.active')
        .filter({ hasText: name })
        .or(page.locator('.breadcrumbs-control').filter({ hasText: name }))
        .first()
        .waitFor();
      await lens(page, 'Run on GPU').click();
      await result(`I am in ${name}`).waitFor({ timeout: COLD_MS });
      await panelOf(page).getByTestId('log').getByText(`from ${name}`).waitFor();
    }
  });
});
