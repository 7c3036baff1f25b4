import * as assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleRoot, resolveTarget } from '../../src/cli/target';

const APP = `import velar
app = velar.App("shop")
other = velar.App("other")

@app.function(gpu="L4")
def train(epochs: int = 1): ...

@app.cls()
class Model:
    @velar.method()
    def generate(self, prompt): ...

@app.local_entrypoint()
def main(): ...

@other.function()
def alone(): ...
`;

describe('a target', () => {
  let folder = '';
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'velar-target-')));
    mkdirSync(join(folder, 'pkg'));
    writeFileSync(join(folder, 'pkg', 'shop.py'), APP);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  function qualname(text: string): string {
    return resolveTarget(text, folder).found.qualname;
  }

  it('names a function, a method, or a whole app', () => {
    assert.equal(qualname('pkg/shop.py::train'), 'train');
    assert.equal(qualname('pkg/shop.py::Model.generate'), 'Model.generate');
    assert.equal(qualname('pkg/shop.py'), 'main');
    assert.equal(qualname('pkg.shop:app'), 'main');
    assert.equal(qualname('pkg.shop:other'), 'alone');
  });

  it('has files relative to the current folder', () => {
    const { root, file } = resolveTarget('pkg/shop.py::train', folder);
    assert.deepEqual([root, file], [folder, 'pkg/shop.py']);
  });

  it('that does not exist says what may have been meant', () => {
    const hint = (text: string) => {
      try {
        qualname(text);
      } catch (error) {
        return (error as { hint?: string }).hint;
      }
      return undefined;
    };
    assert.equal(hint('pkg/shop.py::trian'), 'Did you mean train?');
    assert.equal(hint('pkg/shop.py::generate'), 'Did you mean Model.generate?');
    assert.match(
      hint('pkg/shop.py::zzzzzzzzz') ?? '',
      /It has: train, Model.generate, main, alone/,
    );
    assert.equal(hint('pkg/shp.py'), 'Did you mean shop.py?');
    assert.equal(hint('pkg.shop:ap'), 'It has: app, other.');
    assert.match(hint('pkg/shop.py::Model') ?? '', /shop.py::Model.generate/);
    assert.match(hint('what is this') ?? '', /module:app/);
  });

  it('outside the current folder starts where its project does', () => {
    const file = join(folder, 'pkg', 'shop.py');
    assert.equal(bundleRoot(file, '/somewhere/else'), join(folder, 'pkg'));
    writeFileSync(join(folder, 'pyproject.toml'), '');
    assert.equal(bundleRoot(file, '/somewhere/else'), folder);
    assert.equal(bundleRoot(file, '/'), folder);
  });
});
