import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { discover, WorkspaceDiscovery } from '../../src/client/discover';
import type { ScanProgress } from '../../src/client/discover';
import { makeWorkspace } from './bundle/workspace';
import type { TestWorkspace } from './bundle/workspace';

const { signal } = new AbortController();
const app = 'import velar\napp = velar.App("shop")\n';
const functionF = '@app.function()\ndef f(): ...\n';

describe('the functions of a workspace', () => {
  let workspace: TestWorkspace;
  afterEach(() => {
    workspace.remove();
  });
  const found = (discovery: WorkspaceDiscovery): string[] =>
    discovery
      .files()
      .flatMap(({ file, functions }) =>
        functions.map((f) => `${file.slice(workspace.root.length + 1)} ${f.app ?? '?'} ${f.name}`),
      );

  it('are found in every folder that the rules let through, and in none other', async () => {
    workspace = makeWorkspace({
      '.gitignore': 'build/\n',
      'app.py': app + functionF,
      'a/b/deep.py': `# -*- coding: utf-8 -*-\n${app}${functionF}`,
      'notes.txt': app + functionF,
      'mentions.py': '"""velar"""\n',
      'build/app.py': app + functionF,
      '.venv/pyvenv.cfg': '',
      '.venv/lib/app.py': app + functionF,
      'node_modules/app.py': app + functionF,
      'broken.py': `${app}${functionF}def (\n`,
    });
    const discovery = new WorkspaceDiscovery([workspace.root]);
    const progress: ScanProgress[] = [];
    await discovery.scan({ signal, onProgress: (step) => progress.push(step) });
    assert.deepEqual(found(discovery), ['a/b/deep.py shop f', 'app.py shop f', 'broken.py shop f']);
    assert.equal(progress.at(-1)?.files, 4);
  });

  it('are not those of sources that a runtime keeps in its home', async () => {
    workspace = makeWorkspace({
      'app.py': app + functionF,
      'state/velar.db': '',
      'state/blobs/x': '',
      'state/trees/copy.py': app + functionF,
    });
    const discovery = new WorkspaceDiscovery([workspace.root]);
    await discovery.scan({ signal });
    assert.deepEqual(found(discovery), ['app.py shop f']);
    discovery.update([join(workspace.root, 'state', 'trees', 'copy.py')]);
    assert.deepEqual(found(discovery), ['app.py shop f']);
  });

  it('use apps of sibling modules, through packages and in files that never say velar', async () => {
    workspace = makeWorkspace({
      'pkg/__init__.py': 'from .common import app\n',
      'pkg/common.py': app,
      'pkg/use.py': `from .common import app\n${functionF}`,
      'main.py': `from pkg import app\n${functionF}`,
      'circle.py': `from other import app\n${functionF}`,
      'other.py': 'from circle import app\n',
    });
    const discovery = new WorkspaceDiscovery([workspace.root]);
    await discovery.scan({ signal });
    assert.deepEqual(found(discovery), ['main.py shop f', 'pkg/use.py shop f']);
  });

  it('follow files that change, come, go and move', async () => {
    workspace = makeWorkspace({
      '.gitignore': 'out/\n',
      'common.py': app,
      'main.py': `from common import app\n${functionF}`,
      'pkg/one.py': app + functionF,
    });
    const path = (name: string): string => join(workspace.root, name);
    const discovery = new WorkspaceDiscovery([workspace.root]);
    await discovery.scan({ signal });
    workspace.write('common.py', app.replace('shop', 'store'));
    assert.deepEqual(discovery.update([path('common.py')]).sort(), [
      path('common.py'),
      path('main.py'),
    ]);
    assert.deepEqual(found(discovery), ['main.py store f', 'pkg/one.py shop f']);
    rmSync(path('common.py'));
    discovery.update([path('common.py')]);
    assert.deepEqual(found(discovery), ['pkg/one.py shop f']);
    workspace.write('common.py', app);
    discovery.update([path('common.py')]);
    assert.deepEqual(found(discovery), ['main.py shop f', 'pkg/one.py shop f']);
    rmSync(path('pkg'), { recursive: true });
    discovery.update([path('pkg')]);
    assert.deepEqual(found(discovery), ['main.py shop f']);
    workspace.write('out/new.py', app + functionF);
    workspace.write('new.py', app + functionF);
    discovery.update([path('out/new.py'), path('new.py')]);
    assert.deepEqual(found(discovery), ['main.py shop f', 'new.py shop f']);
  });

  it("are those of the editor's text while a document is not saved", async () => {
    workspace = makeWorkspace({ 'app.py': app, 'user.py': `from app import app\n${functionF}` });
    const discovery = new WorkspaceDiscovery([workspace.root]);
    await discovery.scan({ signal });
    const file = join(workspace.root, 'app.py');
    discovery.setText(file, app.replace('shop', 'typed') + functionF);
    assert.deepEqual(found(discovery), ['app.py typed f', 'user.py typed f']);
    discovery.setText(file, undefined);
    assert.deepEqual(found(discovery), ['user.py shop f']);
  });

  it('stay as they were when a scan is cancelled', async () => {
    workspace = makeWorkspace({ 'app.py': app + functionF });
    const discovery = new WorkspaceDiscovery([workspace.root]);
    await discovery.scan({ signal });
    await assert.rejects(discovery.scan({ signal: AbortSignal.abort() }), { code: 'cancelled' });
    assert.deepEqual(found(discovery), ['app.py shop f']);
  });

  it('are printed in the form of the contract, for a folder and for a file', async () => {
    workspace = makeWorkspace({
      'pkg/app.py': `${app}@app.function(gpu="L4")\ndef f(a, b=1): ...\n`,
    });
    const expected = {
      line: 4,
      column: 1,
      app: 'shop',
      name: 'f',
      qualname: 'f',
      kind: 'function',
      parameters: [
        { name: 'a', annotation: null, default: null, kind: 'positional_or_keyword' },
        { name: 'b', annotation: null, default: '1', kind: 'positional_or_keyword' },
      ],
      options: { gpu: 'L4' },
      dynamicOptions: [],
    };
    assert.deepEqual(await discover(workspace.root, signal), [{ file: 'pkg/app.py', ...expected }]);
    assert.deepEqual(await discover(join(workspace.root, 'pkg/app.py'), signal), [
      { file: 'app.py', ...expected },
    ]);
    await assert.rejects(discover(join(workspace.root, 'no.py'), signal), { code: 'not-found' });
  });
});
