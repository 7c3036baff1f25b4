import assert from 'node:assert/strict';
import { toContract } from '../../src/discovery/model';
import type { DiscoveredFunction } from '../../src/discovery/model';
import { PythonDocument, readFunctions } from '../../src/discovery/parse';
import type { ModuleResolver } from '../../src/discovery/values';

function find(text: string, resolve?: ModuleResolver): readonly DiscoveredFunction[] {
  const options = { file: 'main.py', ...(resolve && { resolve }) };
  const found = new PythonDocument(text, options).functions();
  assert.deepEqual(readFunctions(text, options), found, 'looked at once');
  return found;
}

function names(text: string, resolve?: ModuleResolver): string[] {
  return find(text, resolve).map((found) => `${found.kind} ${found.app ?? '?'} ${found.qualname}`);
}

const app = 'import velar\napp = velar.App("shop")\n';

describe('functions of a file', () => {
  it('are those decorated by an app, whatever the SDK and the app are called', () => {
    assert.deepEqual(names(`${app}@app.function()\ndef f(): ...\n`), ['function shop f']);
    assert.deepEqual(
      names('import velar as v\nmine = v.App("a")\n@mine.endpoint\nasync def f(): ...\n'),
      ['endpoint a f'],
    );
    assert.deepEqual(
      names(
        'from velar import App as A, method as m\nx: A = A(name="b")\n' +
          '@x.cls(gpu="L4")\nclass C:\n  @m()\n  def run(self, n): ...\n  def other(self): ...\n',
      ),
      ['cls b C', 'method b C.run'],
    );
    assert.deepEqual(names(`${app}@app.local_entrypoint()\ndef main(): ...\n`), [
      'local_entrypoint shop main',
    ]);
    assert.deepEqual(names('from velar import *\na = App("s")\n@a.function\ndef f(): ...\n'), [
      'function s f',
    ]);
  });

  it('follow assignments, annotations, walruses, constants and factories', () => {
    assert.deepEqual(names(`${app}b = app\n@b.function\ndef f(): ...\n`), ['function shop f']);
    assert.deepEqual(
      names('import velar\nNAME = "n"\nprint(a := velar.App(NAME))\n@a.function\ndef f(): ...\n'),
      ['function n f'],
    );
    assert.deepEqual(
      names(
        'import velar\ndef make():\n    made = velar.App("made")\n    return made\n' +
          'app = make()\n@app.function\ndef f(): ...\n',
      ),
      ['function made f'],
    );
    assert.deepEqual(
      names(
        'import velar\nfrom x import make\na: "velar.App" = make()\n@a.function\ndef f(): ...\n',
      ),
      ['function ? f'],
    );
    assert.deepEqual(names(`${app}gpu = app.function(gpu="L4")\n@gpu\ndef f(): ...\n`), [
      'function shop f',
    ]);
  });

  it('are found among stacked decorators, in blocks and in classes', () => {
    assert.deepEqual(
      names(
        `${app}import os\n@first\n@app.function(\n    gpu="L4",  # why\n)\n@last(1)\ndef f(): ...\n` +
          'if os.name:\n  @app.function()\n  def g(): ...\nelse:\n  try:\n    pass\n  finally:\n' +
          '    with x:\n      @app.function()\n      def h(): ...\n',
      ),
      ['function shop f', 'function shop g', 'function shop h'],
    );
  });

  it('are not look-alikes', () => {
    for (const text of [
      'from flask import Flask\napp = Flask("x")\n@app.route("/")\ndef f(): ...\n',
      'from flask import Flask\napp = Flask("x")\n@app.function()\ndef f(): ...\n',
      'class A:\n  @self.app.function()\n  def f(): ...\n',
      `${app}app = None\n@app.function()\ndef f(): ...\n`,
      `${app}for app in apps: pass\ndel app\n@app.function()\ndef f(): ...\n`,
      `${app}def outer():\n  @app.function()\n  def f(): ...\n`,
      `${app}class C:\n  @velar.method()\n  def f(self): ...\n`,
      `${app}@app.other()\ndef f(): ...\n`,
      `${app}x = """\n@app.function()\ndef f(): ...\n"""\n# @app.function()\n# def f(): ...\n`,
      'import velar\n@velar.function()\ndef f(): ...\n',
      'def app(): ...\n@app.function()\ndef f(): ...\n',
    ]) {
      assert.deepEqual(names(text), [], text);
    }
  });

  it('respect which branch bound the app', () => {
    const text = (last: string): string =>
      `import velar, flask\nif x:\n  app = velar.App("s")\nelse:\n  app = flask.Flask()\n${last}`;
    assert.deepEqual(names(text('@app.function()\ndef f(): ...\n')), ['function s f']);
    assert.deepEqual(names(text('  @app.function()\n  def f(): ...\n')), []);
    assert.deepEqual(
      names(
        'try:\n  import velar\nexcept ImportError:\n  velar = None\n' +
          'app = velar.App("s")\n@app.function()\ndef f(): ...\n',
      ),
      ['function s f'],
    );
  });

  it('have the parameters, options and places that the source gives them', () => {
    const [found] = find(
      `${app}\n@app.function(gpu=["H100", velar.gpu.A100], timeout=60, cpu=-.5, env={"A": "b"},\n` +
        '    retries=compute(), secrets=(None, True), name=f"x" "y", **more)\n' +
        'async def f(a, /, b: "int" = 1, *args: str, c=[1, 2], d, **kw) -> list[int]:\n' +
        '    yield a\n    # the end\n',
    );
    assert.ok(found);
    assert.deepEqual(found.options, {
      gpu: ['H100', 'A100'],
      timeout: 60,
      cpu: -0.5,
      env: { A: 'b' },
      secrets: [null, true],
      name: 'xy',
    });
    assert.deepEqual(found.dynamicOptions, ['retries', '**']);
    assert.deepEqual(
      found.parameters.map((p) => [p.name, p.annotation, p.default, p.kind]),
      [
        ['a', undefined, undefined, 'positional_only'],
        ['b', '"int"', '1', 'positional_or_keyword'],
        ['args', 'str', undefined, 'var_positional'],
        ['c', undefined, '[1, 2]', 'keyword_only'],
        ['d', undefined, undefined, 'keyword_only'],
        ['kw', undefined, undefined, 'var_keyword'],
      ],
    );
    const { gpu, isAsync, isGenerator, returns, line, column, decoratorLine, endLine } = found;
    assert.deepEqual(
      { gpu, isAsync, isGenerator, returns, line, column, decoratorLine, endLine },
      {
        gpu: 'H100 | A100',
        isAsync: true,
        isGenerator: true,
        returns: 'list[int]',
        line: 6,
        column: 1,
        decoratorLine: 4,
        endLine: 7,
      },
    );
    assert.deepEqual(toContract('a.py', found).parameters[0], {
      name: 'a',
      annotation: null,
      default: null,
      kind: 'positional_only',
    });
  });

  it("give a method its class's GPU and no self, a class the parameters of __init__", () => {
    const found = find(
      `${app}KIND = "A100:2"\n@app.cls(gpu=KIND)\nclass Model:\n` +
        '    def __init__(self, size: int = 3): ...\n' +
        '    @velar.enter()\n    def load(self): ...\n' +
        '    @velar.method()\n    def run(self, prompt): ...\n',
    );
    assert.deepEqual(
      found.map((f) => [f.qualname, f.kind, f.gpu, f.parameters.map((p) => p.name)]),
      [
        ['Model', 'cls', 'A100:2', ['size']],
        ['Model.run', 'method', 'A100:2', ['prompt']],
      ],
    );
    assert.deepEqual(found[0]?.dynamicOptions, ['gpu']);
  });

  it('keep their lines with Windows line ends and a byte order mark', () => {
    const text = `\ufeff${app}x = 1 + \\\n  2\n@app.function()\ndef f(): ...\n`;
    const [found] = find(text.replaceAll('\n', '\r\n'));
    assert.deepEqual([found?.line, found?.decoratorLine, found?.column], [6, 5, 1]);
  });
});

describe('apps of other modules', () => {
  const modules = new Map([
    ['common', new PythonDocument('import velar\napp = velar.App("common")\n_x = app\n')],
    ['pkg.common', new PythonDocument('from velar import App\napp = App("pkg")\n')],
    ['common@1', new PythonDocument('import velar\ndef make(): return velar.App("made")\n')],
  ]);
  const resolve: ModuleResolver = ({ module, level }) =>
    modules.get(level === 0 ? module : `${module}@${level}`)?.exports();

  it('are followed through every form of import', () => {
    const f = '.function()\ndef f(): ...\n';
    assert.deepEqual(names(`from common import app\n@app${f}`, resolve), ['function common f']);
    assert.deepEqual(names(`from common import app as a\n@a${f}`, resolve), ['function common f']);
    assert.deepEqual(names(`from common import *\n@app${f}`, resolve), ['function common f']);
    assert.deepEqual(names(`import common\n@common.app${f}`, resolve), ['function common f']);
    assert.deepEqual(names(`import pkg.common\n@pkg.common.app${f}`, resolve), ['function pkg f']);
    assert.deepEqual(names(`import pkg.common as c\n@c.app${f}`, resolve), ['function pkg f']);
    assert.deepEqual(names(`from pkg import common\n@common.app${f}`, resolve), ['function pkg f']);
    assert.deepEqual(names(`from .common import make\napp = make()\n@app${f}`, resolve), [
      'function made f',
    ]);
    assert.deepEqual(names(`from elsewhere import app\n@app${f}`, resolve), []);
  });
});

describe('imports of a file', () => {
  it('are all listed, with what their absence means', () => {
    const document = new PythonDocument(
      'import os.path, numpy as np\nfrom . import a, b as c\nfrom ..pkg.mod import (d,\n  e)\n' +
        'from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  import types_only\n' +
        'try:\n  import fast\nexcept ImportError:\n  import slow\n' +
        'def f():\n  import inner\n  importlib.import_module(".late")\n  __import__(name)\n',
    );
    assert.deepEqual(
      document
        .imports()
        .map((i) => [i.module, i.level, i.names.join(), i.line, i.optional, i.lazy]),
      [
        ['os.path', 0, '', 1, false, false],
        ['numpy', 0, '', 1, false, false],
        ['', 1, 'a,b', 2, false, false],
        ['pkg.mod', 2, 'd,e', 3, false, false],
        ['typing', 0, 'TYPE_CHECKING', 5, false, false],
        ['types_only', 0, '', 7, true, false],
        ['fast', 0, '', 9, true, false],
        ['slow', 0, '', 11, true, false],
        ['inner', 0, '', 13, false, true],
        ['late', 1, '', 14, false, true],
      ],
    );
  });
});
