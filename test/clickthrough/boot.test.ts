import * as assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Workbench } from '../../scripts/vscode/workbench.mjs';
import { startWorkbench } from '../support/vscode/workbench';

describe('a workbench for click-through tests', function () {
  this.timeout(180_000);
  let folder: string;
  let workbench: Workbench | undefined;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'velar-folder-'));
    await writeFile(join(folder, 'app.py'), 'print("on screen")\n');
    workbench = await startWorkbench({ folder, colorTheme: 'Default Light Modern' });
  });

  after(async () => {
    await workbench?.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  it('opens a file of its folder in the theme that was asked for', async () => {
    assert.ok(workbench);
    await workbench.openFile('app.py');
    await workbench.page.locator('.view-lines', { hasText: 'on screen' }).waitFor();
    await workbench.page.locator('.monaco-workbench.vs').waitFor();
    await workbench.screenshot('boot');
  });
});
