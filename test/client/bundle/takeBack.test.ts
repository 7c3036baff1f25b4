import assert from 'node:assert/strict';
import { BundleIndex } from '../../../src/client/bundle/bundleIndex';
import { takeBack, withLine } from '../../../src/client/bundle/takeBack';
import { makeWorkspace } from './workspace';

const signal = new AbortController().signal;

describe('taking a module back into the bundle', () => {
  /** The line offered for a module; checked to bring it in when it is one. */
  async function offered(
    files: Readonly<Record<string, string>>,
    module: string,
    brings: string,
  ): Promise<string | undefined> {
    const workspace = makeWorkspace({ 'main.py': '', ...files });
    try {
      const bundle = await new BundleIndex(workspace.root).build('main.py', new Map(), signal);
      const found = takeBack(bundle.decisions(), ['', 'src'], module);
      if (found === undefined) return undefined;
      workspace.write('.velarignore', withLine(files['.velarignore'] ?? '', found.line));
      const again = await new BundleIndex(workspace.root).build('main.py', new Map(), signal);
      assert.ok(
        again.files.some(({ path }) => path === brings),
        `${found.line} brings nothing`,
      );
      return found.line;
    } finally {
      workspace.remove();
    }
  }

  it('names the file or the folder that an ignore file excludes', async () => {
    assert.equal(
      await offered({ '.gitignore': 'plugin.py\n', 'plugin.py': '' }, 'plugin', 'plugin.py'),
      '!/plugin.py',
    );
    assert.equal(
      await offered({ '.gitignore': 'build', 'build/tool.py': '' }, 'build.tool', 'build/tool.py'),
      '!/build/',
    );
    assert.equal(
      await offered({ 'pkg/.gitignore': 'made.py', 'pkg/made.py': '' }, 'pkg.made', 'pkg/made.py'),
      '!/pkg/made.py',
    );
    assert.equal(
      await offered({ '.velarignore': 'src/a.py', 'src/a.py': '' }, 'a', 'src/a.py'),
      '!/src/a.py',
    );
  });

  it('offers nothing for what is sent, never sent, unknown, or decided further in', async () => {
    assert.equal(await offered({ 'plugin.py': '' }, 'plugin', ''), undefined);
    assert.equal(await offered({ '.tox/a.py': '' }, '.tox', ''), undefined);
    assert.equal(await offered({ '.gitignore': 'b.py', 'b.py': '' }, 'a', ''), undefined);
    assert.equal(await offered({ 'p/.velarignore': 'a.py', 'p/a.py': '' }, 'p.a', ''), undefined);
  });
});
