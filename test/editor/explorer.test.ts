import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { ExplorerTree } from '../../src/editor/explorer/tree';
import type { ExtensionApi } from '../../src/extension';
import { activated, closeEditors, openFile, until } from './support';

/** The first run of all builds an empty image. */
const COLD_MS = 90_000;

describe('the rows of the explorer', function () {
  this.timeout(COLD_MS + 30_000);
  let api: ExtensionApi;
  let tree: ExplorerTree;

  before(async () => {
    api = await activated();
    tree = api.explorer;
  });
  afterEach(closeEditors);

  /** What a screen reader says of each function of a file. */
  async function spoken(uri: vscode.Uri): Promise<(string | undefined)[]> {
    const files = await tree.getChildren();
    const file = files.find((node) => node.kind === 'file' && node.uri.path === uri.path);
    assert.ok(file, `${uri.path} is not in the tree`);
    const rows = await tree.getChildren(file);
    return rows.map((row) => tree.getTreeItem(row).accessibilityInformation?.label);
  }

  /** Runs to the end, and until the tree was told to draw itself again. */
  async function run(document: vscode.TextDocument, qualname: string): Promise<void> {
    let drawn = 0;
    const drawing = tree.onDidChangeTreeData(() => (drawn += 1));
    try {
      const id = await vscode.commands.executeCommand<string | undefined>('velar.run', {
        uri: document.uri.toString(),
        qualname,
      });
      assert.ok(id, 'the run did not start');
      const entry = api.records.get(id);
      assert.match(
        (await spoken(document.uri)).join('\n'),
        /, (running, phase \w|succeeded|failed)/,
      );
      const ended = (): boolean => entry?.record.status !== 'active';
      await until(api.records.onDidEnd, ended, `the end of ${qualname}`, COLD_MS);
      assert.ok(drawn >= 2, 'drawn when it began and when it ended');
    } finally {
      drawing.dispose();
    }
  }

  it('say name, GPU, state and duration, and follow the runs', async () => {
    const document = await openFile(
      'spoken.py',
      'import velar\n\napp = velar.App("spoken")\n\n\n@app.function()\ndef good():\n    return 1\n\n\n@app.function()\ndef bad():\n    return 1 / 0\n\n\n@app.function(gpu="L4")\ndef never(): ...\n',
    );
    assert.deepEqual(await spoken(document.uri), [
      'good, CPU, not run yet',
      'bad, CPU, not run yet',
      'never, L4, not run yet',
    ]);
    await run(document, 'good');
    await run(document, 'bad');
    const [good, bad, never] = await spoken(document.uri);
    assert.match(good ?? '', /^good, CPU, succeeded in [\d.]+ m?s$/);
    assert.match(bad ?? '', /^bad, CPU, failed after [\d.]+ m?s: ZeroDivisionError$/);
    assert.equal(never, 'never, L4, not run yet');
  });

  it('say of a container whose it is, what it does and on what', async () => {
    const nodes = await tree.getChildren();
    const containers = nodes.find(({ kind }) => kind === 'containers');
    assert.ok(containers, 'the last run has left a warm container');
    const [first] = await tree.getChildren(containers);
    assert.ok(first);
    const label = tree.getTreeItem(first).accessibilityInformation?.label ?? '';
    assert.match(label, /^Container of \w+, (idle|busy), CPU(, [\d.]+ MB)?$/);
  });
});
