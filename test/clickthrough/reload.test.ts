/** Batches whose window is loaded anew in the middle of them. */
import * as assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import type { Workbench } from '../../scripts/vscode/workbench.mjs';
import { openDesk, type Desk } from '../support/vscode/desk';
import { keepFailure } from './failure';
import { COLD_MS, lens, panelOf } from './page';

const INPUTS = 200;
/** The inputs from here on wait until a file is there. */
const HELD_FROM = 60;

/** `who` runs the batch: a function on the runtime, or a local entrypoint. `gate`: the file that lets it go on. */
const appOf = (name: string, who: string, gate: string): string => `import os, time
import velar

app = velar.App("${name}")


@app.function(max_containers=3)
def square(x):
    while x >= ${String(HELD_FROM)} and not os.path.exists(${JSON.stringify(gate)}):
        time.sleep(0.02)
    return x * x


${who}
def whole():
    for x, y in enumerate(square.map(range(${String(INPUTS)}))):
        print("got", x, y, flush=True)
    return "all of ${name}"
`;

const ALL = Array.from({ length: INPUTS }, (_, x) => `got ${String(x)} ${String(x * x)}`);

describe('a batch whose window is loaded anew', function () {
  this.timeout(3 * COLD_MS);
  let desk: Desk;
  let workbench: Workbench;
  let page: Page;

  before(async function () {
    this.timeout(180_000);
    desk = await openDesk(
      {},
      {
        env: { VELAR_AWAY_HOURS: '1' },
        prepare: async ({ folder, home }) => {
          const kinds = { local: '@app.local_entrypoint()', remote: '@app.function()' };
          for (const [name, who] of Object.entries(kinds)) {
            const gate = join(home, `${name}.go`);
            await writeFile(join(folder, `${name}.py`), appOf(name, who, gate));
          }
        },
      },
    );
    ({ workbench } = desk);
    ({ page } = workbench);
  });

  afterEach(keepFailure(() => workbench, 'failed-reload'));

  after(async () => {
    // Nothing that goes on keeps the runtime up behind the test's back.
    for (const { run } of await active()) await desk.velar('cancel', run);
    await desk.dispose();
  });

  async function active(): Promise<readonly { readonly run: string }[]> {
    const { runs } = JSON.parse(await desk.velar('ps', '--json')) as { runs: { run: string }[] };
    return runs;
  }

  /** Starts the batch of a file and waits until it is held in the middle; its run. */
  async function begin(name: string, title: string, index: number): Promise<string> {
    await workbench.openFile(`${name}.py`);
    await page
      .locator('.tab.active')
      .filter({ hasText: `${name}.py` })
      .waitFor();
    await lens(page, title, index).click({ timeout: 60_000 });
    const log = panelOf(page).getByTestId('log');
    await log.getByText(`got ${String(HELD_FROM - 1)} `).waitFor({ timeout: COLD_MS });
    const [run, ...others] = await active();
    assert.ok(run !== undefined && others.length === 0);
    return run.run;
  }

  async function loadAnew(): Promise<void> {
    await page.reload({ waitUntil: 'commit' });
    await page
      .locator('.explorer-folders-view .monaco-list-row')
      .first()
      .waitFor({ timeout: COLD_MS });
  }

  async function go(name: string): Promise<void> {
    await writeFile(join(desk.home, `${name}.go`), '');
  }

  /** Lines of a run, as the runtime kept them. */
  async function printed(run: string): Promise<string[]> {
    const lines = (await desk.velar('logs', run, '--json')).trim().split('\n');
    return lines
      .map((line) => JSON.parse(line) as { type: string; text?: string })
      .flatMap(({ type, text = '' }) => (type === 'log' ? [text.trim()] : []));
  }

  it('is shown again as it goes on, and gives each result once, for a local entrypoint', async () => {
    const run = await begin('local', 'Run Locally', 0);
    await loadAnew();
    const panel = panelOf(page);
    await panel
      .getByTestId('log')
      .getByText(`got ${String(HELD_FROM - 1)} `)
      .waitFor({ timeout: COLD_MS });
    await panel
      .getByTestId('batch')
      .getByText(`${String(HELD_FROM)} of ${String(INPUTS)}`)
      .waitFor();
    // Which file is open after a quick reload is the editor's affair.
    await workbench.openFile('local.py');
    await lens(page, 'Cancel').waitFor({ timeout: COLD_MS });
    await workbench.screenshot('reload-going');
    assert.deepEqual(
      (await active()).map((each) => each.run),
      [run],
    );
    await go('local');
    await panel
      .getByTestId('log')
      .getByText(ALL.at(-1) ?? '')
      .waitFor({ timeout: COLD_MS });
    await lens(page, 'Cancel').waitFor({ state: 'detached' });
    await panel
      .getByTestId('batch')
      .getByText(`${String(INPUTS)} of ${String(INPUTS)}`)
      .waitFor();
    assert.deepEqual(await printed(run), ALL);
  });

  it('that ends in the meantime is there with its result, log and lens', async () => {
    const run = await begin('remote', 'Run on GPU', 1);
    const loaded = loadAnew();
    await go('remote');
    await loaded;
    const panel = panelOf(page);
    await panel.getByTestId('result').getByText('all of remote').waitFor({ timeout: COLD_MS });
    await panel
      .getByTestId('log')
      .getByText(ALL.at(-1) ?? '')
      .waitFor();
    await workbench.openFile('remote.py');
    await lens(page, '$0').waitFor({ timeout: COLD_MS });
    await workbench.screenshot('reload-ended');
    assert.deepEqual(await printed(run), ALL);
  });
});
