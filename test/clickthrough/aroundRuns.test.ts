import * as assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import type { Workbench } from '../../scripts/vscode/workbench.mjs';
import { startWorkbench } from '../support/vscode/workbench';
import { keepFailure } from './failure';
import {
  COLD_MS,
  dialog,
  lens,
  panelOf,
  rowAction,
  showExplorer,
  statusBar,
  treeRow,
} from './page';

const TEXT = 'grüße\n\tsecond line, no newline at its end';
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
const CLI = resolve('dist', 'cli.js');

const HEADER = 'import velar\n\napp = velar.App("around")\n\n\n';

/** One function in each file, so that its lens is the first of the file. Their containers stay for as long as it takes. */
const FILES: Readonly<Record<string, string>> = {
  'words.py': `${HEADER}@app.function(scaledown_window=600)\ndef words():\n    return ${JSON.stringify(TEXT)}\n`,
  'picture.py': `import base64\n${HEADER}class Picture:
    def _repr_png_(self):
        return base64.b64decode("${PNG}")


@app.function(scaledown_window=600)
def picture():
    return Picture()
`,
  'size.py': `import os\n${HEADER}@app.function(scaledown_window=600)\ndef size():\n    return os.path.getsize("weights.bin")\n`,
  'hold.py': `import time\n${HEADER}@app.function(scaledown_window=600)
def hold():
    print("held", flush=True)
    time.sleep(600)
`,
};
const BIG_BYTES = 51_000_000;

interface Listed {
  readonly runs: readonly { readonly run: string; readonly qualname: string }[];
  readonly containers: readonly { readonly container: string }[];
}

/** The ids alone: figures of what is there change by themselves. */
function ids({ runs, containers }: Listed): unknown {
  return [runs.map(({ run }) => run), containers.map(({ container }) => container)];
}

describe('around a run in VS Code', function () {
  this.timeout(2 * COLD_MS);
  let scratch: string;
  let folder: string;
  let workbench: Workbench;
  let page: Page;

  before(async function () {
    this.timeout(180_000);
    scratch = await mkdtemp(join(tmpdir(), 'velar-around-'));
    folder = join(scratch, 'folder');
    await mkdir(join(folder, 'parts'), { recursive: true });
    for (const [name, text] of Object.entries(FILES)) await writeFile(join(folder, name), text);
    workbench = await startWorkbench({
      folder,
      extensionDevelopmentPath: resolve('.'),
      env: { VELAR_HOME: join(scratch, 'home') },
      settings: { 'terminal.integrated.gpuAcceleration': 'off' },
      viewport: { width: 1440, height: 1000 },
    });
    ({ page } = workbench);
  });

  afterEach(keepFailure(() => workbench, 'failed-around'));

  after(async () => {
    await workbench.dispose();
    await rm(scratch, { recursive: true, force: true, maxRetries: 5 });
  });

  /** Clicks the lens of the function that a file has. */
  async function run(qualname: string): Promise<void> {
    await workbench.openFile(`${qualname}.py`);
    await page
      .locator('.tab.active')
      .filter({ hasText: `${qualname}.py` })
      .waitFor();
    await lens(page, 'Run on GPU').click({ timeout: 60_000 });
  }

  /** What `velar ps --all` says of the runtime that the editor uses. */
  async function listed(): Promise<Listed> {
    const { stdout } = await promisify(execFile)(process.execPath, [CLI, 'ps', '--all', '--json'], {
      env: { ...process.env, VELAR_HOME: join(scratch, 'home') },
    });
    return JSON.parse(stdout) as Listed;
  }

  async function savedResult(name: string): Promise<Buffer> {
    const path = join(folder, name);
    await panelOf(page).getByRole('button', { name: 'Save result as a file' }).click();
    // What is proposed is the function's name, in the folder.
    const asked = page.locator('.quick-input-widget').filter({ hasText: 'Save Result' });
    await asked.locator('.monaco-list-row', { hasText: 'words.py' }).waitFor();
    assert.equal(await asked.locator('input.input').inputValue(), path);
    await asked.getByText('OK', { exact: true }).click();
    await page.locator('.explorer-folders-view').getByText(name, { exact: true }).waitFor();
    return readFile(path);
  }

  it('saves a result of text as it was returned', async () => {
    await run('words');
    await panelOf(page)
      .getByTestId('result')
      .getByText('second line')
      .waitFor({ timeout: COLD_MS });
    assert.equal((await savedResult('words.txt')).toString('utf8'), TEXT);
  });

  it('saves a picture byte for byte', async () => {
    await run('picture');
    await panelOf(page).getByTestId('result').locator('img').waitFor({ timeout: COLD_MS });
    assert.deepEqual(await savedResult('picture.png'), Buffer.from(PNG, 'base64'));
  });

  it('asks before it sends more than 50 MB, and sends nothing on a no', async () => {
    const big = join(folder, 'weights.bin');
    await writeFile(big, '');
    await truncate(big, BIG_BYTES);
    const before = await listed();
    await run('size');
    const question = dialog(page, 'This run would send');
    await question.waitFor({ timeout: 60_000 });
    assert.match(await question.innerText(), /weights\.bin/);
    await workbench.screenshot('large-bundle');
    await question.getByText('Cancel', { exact: true }).click();
    await question.waitFor({ state: 'detached' });
    await lens(page, 'Run on GPU').waitFor();
    assert.deepEqual(ids(await listed()), ids(before));
    assert.ok(!(await sizesUnder(join(scratch, 'home'))).includes(BIG_BYTES));
  });

  it('sends it on a yes', async () => {
    await run('size');
    const question = dialog(page, 'This run would send');
    await question.getByText('Send', { exact: true }).click({ timeout: 60_000 });
    await panelOf(page)
      .getByTestId('result')
      .getByText(String(BIG_BYTES))
      .waitFor({ timeout: COLD_MS });
    await rm(join(folder, 'weights.bin'));
  });

  it('stops a warm container from the tree', async () => {
    const { containers } = await listed();
    assert.ok(containers.length > 0);
    await showExplorer(page);
    for (let left = containers.length; left > 0; left -= 1) {
      await rowAction(treeRow(page, /idle · CPU/), 'Stop Container');
      // Until it has gone its row would be the first one again.
      await treeRow(page, /· CPU/, left - 1).waitFor({ state: 'detached' });
    }
    await treeRow(page, 'Containers').waitFor({ state: 'detached', timeout: 30_000 });
    assert.deepEqual((await listed()).containers, []);
  });

  it('asks before it stops a container with a run, from the panel', async () => {
    await run('hold');
    const panel = panelOf(page);
    await panel.getByTestId('log').getByText('held').waitFor({ timeout: COLD_MS });
    await panel.getByTestId('stop').click();
    const question = dialog(page, 'Stop the container of around');
    await workbench.screenshot('stop-container');
    assert.match(await question.innerText(), /1 run /);
    await question.getByText('Cancel', { exact: true }).click();
    await question.waitFor({ state: 'detached' });
    assert.equal((await listed()).containers.length, 1);
    await panel.getByTestId('stop').click();
    await question.getByText('Stop Container', { exact: true }).click();
    await panel.getByTestId('container').waitFor({ state: 'detached', timeout: 30_000 });
    await lens(page, 'Run on GPU').waitFor();
    assert.deepEqual((await listed()).containers, []);
  });

  it('opens the line of a traceback that a terminal shows', async () => {
    await workbench.runCommand('Terminal: Create New Terminal');
    await page.locator('.terminal-wrapper.active .xterm.focus').waitFor();
    // It waits in the end, so that no prompt is drawn while the pointer rests on the link.
    await page.keyboard.type(
      `clear; printf '  File "%s.py", line %d, in words\\n' words 7; read held`,
    );
    await page.keyboard.press('Enter');
    const printed = page.locator('.xterm-rows > div').filter({ hasText: '"words.py", line 7' });
    const box = await printed.locator('span').filter({ hasText: 'words.py' }).boundingBox();
    assert.ok(box !== null);
    const { x, y } = { x: box.x + box.height * 4, y: box.y + box.height / 2 };
    await page.mouse.move(x, y);
    await page.getByText('Open words.py at line 7').waitFor();
    await page.keyboard.down('Control');
    await page.mouse.click(x, y);
    await page.keyboard.up('Control');
    await page.locator('.tab.active').filter({ hasText: 'words.py' }).waitFor();
    await statusBar(page, 'Ln 7, Col 1').waitFor();
  });
});

/** Sizes of the files under a folder. */
async function sizesUnder(root: string): Promise<number[]> {
  const names = await readdir(root, { recursive: true });
  const sizes: number[] = [];
  for (const name of names) sizes.push((await stat(join(root, name))).size);
  return sizes;
}
