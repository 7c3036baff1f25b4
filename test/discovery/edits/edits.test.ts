import assert from 'node:assert/strict';
import { largerGpu, nextLarger } from '../../../src/discovery/edits/largerGpu';
import { addPackage } from '../../../src/discovery/edits/pipInstall';
import { PythonDocument } from '../../../src/discovery/parse';
import { applyChanges, sortChanges, type TextChange } from '../../../src/discovery/text';

const HEAD = 'import velar\napp = velar.App("a")\n';

function after(text: string, changes: readonly TextChange[] | undefined): string | undefined {
  if (changes === undefined) return undefined;
  const edited = applyChanges(text, sortChanges(changes, text.length));
  const before = new PythonDocument(text);
  const document = new PythonDocument(edited);
  assert.equal(document.errors, before.errors, `broken by the edit:\n${edited}`);
  assert.deepEqual(
    document.functions().map(({ qualname }) => qualname),
    before.functions().map(({ qualname }) => qualname),
  );
  return edited;
}

/** The text with `numpy` added, without its head; undefined where no edit is offered. */
function added(body: string, qualname = 'f', name = 'numpy', head = HEAD): string | undefined {
  const text = head + body;
  const functions = new PythonDocument(text).functions();
  const edited = after(text, addPackage({ text, functions, qualname }, name));
  return edited?.startsWith(head) === true ? edited.slice(head.length) : edited;
}

function enlarged(decorator: string, qualname = 'f'): string | undefined {
  const text = `${HEAD}${decorator}\ndef f(): ...\n`;
  const functions = new PythonDocument(text).functions();
  const edited = after(text, largerGpu({ text, functions, qualname })?.changes);
  return edited?.slice(HEAD.length).replace('\ndef f(): ...\n', '');
}

describe('adding a package to the image of a function', () => {
  it('extends the pip_install that is there, as it is written', () => {
    const cases: [string, string][] = [
      [
        'velar.Image.debian_slim().pip_install("a")',
        'velar.Image.debian_slim().pip_install("a", "numpy")',
      ],
      [
        'velar.Image.debian_slim().pip_install("a",)',
        'velar.Image.debian_slim().pip_install("a", "numpy",)',
      ],
      [
        "velar.Image.debian_slim().pip_install('a', x)",
        'velar.Image.debian_slim().pip_install(\'a\', x, "numpy")',
      ],
      [
        'velar.Image.debian_slim().pip_install("a").run_commands("b")',
        'velar.Image.debian_slim().pip_install("a", "numpy").run_commands("b")',
      ],
      [
        'velar.Image.from_registry("t").pip_install("a").pip_install("b")',
        'velar.Image.from_registry("t").pip_install("a").pip_install("b", "numpy")',
      ],
      ['velar.Image.debian_slim().pip_install()', 'velar.Image.debian_slim().pip_install("numpy")'],
    ];
    for (const [image, expected] of cases) {
      const rest = '@app.function(image=image)\ndef f(): ...\n';
      assert.equal(added(`image = ${image}\n${rest}`), `image = ${expected}\n${rest}`);
      const inline = (value: string): string =>
        `@app.function(image=${value}, gpu="L4")\ndef f(): ...\n`;
      assert.equal(added(inline(image)), inline(expected));
    }
  });

  it('gives the package a line of its own where the others have one, and leaves comments alone', () => {
    const image = (packages: string): string =>
      `image = (\n    velar.Image.debian_slim()\n    .pip_install(\n${packages}    )\n)\n@app.function(image=image)\ndef f(): ...\n`;
    assert.equal(
      added(image('        "a",\n        "b",  # for c\n')),
      image('        "a",\n        "b",  # for c\n        "numpy",\n'),
    );
    assert.equal(
      added(image('        "a",\n        "b"  # for c\n')),
      image('        "a",\n        "b",  # for c\n        "numpy",\n'),
    );
    assert.equal(
      added(image('        "a"\n').replaceAll('\n', '\r\n')),
      image('        "a",\n        "numpy",\n').replaceAll('\n', '\r\n'),
    );
  });

  it('adds a pip_install where there is none to extend', () => {
    const rest = '@app.function(image=image)\ndef f(): ...\n';
    assert.equal(
      added(`image = velar.Image.debian_slim("3.11")\n${rest}`),
      `image = velar.Image.debian_slim("3.11").pip_install("numpy")\n${rest}`,
    );
    assert.equal(
      added(`image = (\n    velar.Image.debian_slim()\n    .apt_install("git")\n)\n${rest}`),
      `image = (\n    velar.Image.debian_slim()\n    .apt_install("git")\n    .pip_install("numpy")\n)\n${rest}`,
    );
    assert.equal(
      added(`image = velar.Image.debian_slim() \\\n    .apt_install("git")\n${rest}`),
      `image = velar.Image.debian_slim() \\\n    .apt_install("git") \\\n    .pip_install("numpy")\n${rest}`,
    );
    assert.equal(
      added(`image = velar.Image.debian_slim().pip_install(*MORE)\n${rest}`),
      `image = velar.Image.debian_slim().pip_install(*MORE).pip_install("numpy")\n${rest}`,
    );
    assert.equal(
      added(`base = velar.Image.debian_slim()\nimage = base.env(A="b")\n${rest}`),
      `base = velar.Image.debian_slim()\nimage = base.env(A="b").pip_install("numpy")\n${rest}`,
    );
  });

  it('gives a function without an image one', () => {
    const image = 'image=velar.Image.debian_slim().pip_install("numpy")';
    assert.equal(added('@app.function\ndef f(): ...\n'), `@app.function(${image})\ndef f(): ...\n`);
    assert.equal(
      added('@app.function()\ndef f(): ...\n'),
      `@app.function(${image})\ndef f(): ...\n`,
    );
    assert.equal(
      added('@app.function(\n    gpu="L4",\n)\ndef f(): ...\n'),
      `@app.function(\n    gpu="L4",\n    ${image},\n)\ndef f(): ...\n`,
    );
    assert.equal(
      added(
        '@app.function()\ndef f(): ...\n',
        'f',
        'numpy',
        'from velar import App, Image as I\napp = App("a")\n',
      ),
      '@app.function(image=I.debian_slim().pip_install("numpy"))\ndef f(): ...\n',
    );
    assert.equal(
      added(
        '@app.function()\ndef f(): ...\n',
        'f',
        'numpy',
        'from velar import App\napp = App("a")\n',
      ),
      undefined,
      'there is no name for Image',
    );
  });

  it('finds the options of a method at its class', () => {
    const body = (image: string): string =>
      `@app.cls(image=${image})\nclass C:\n    @velar.method()\n    def run(self): ...\n`;
    assert.equal(
      added(body('velar.Image.debian_slim()'), 'C.run'),
      body('velar.Image.debian_slim().pip_install("numpy")'),
    );
  });

  it('edits only the image of the function meant', () => {
    const body = (one: string, two: string): string =>
      `a = velar.Image.debian_slim()${one}\nb = velar.Image.debian_slim()${two}\n` +
      '@app.function(image=a)\ndef f(): ...\n@app.function(image=b)\ndef g(): ...\n';
    assert.equal(added(body('', ''), 'g'), body('', '.pip_install("numpy")'));
  });

  it('is offered only where the text says plainly what the image is', () => {
    const rest = '@app.function(image=image)\ndef f(): ...\n';
    const slim = 'velar.Image.debian_slim()';
    for (const unsafe of [
      `image = make()\n${rest}`,
      `from images import image\n${rest}`,
      `if GPU:\n    image = ${slim}\nelse:\n    image = ${slim}\n${rest}`,
      `image = ${slim}\nimage = image.pip_install("a")\n${rest}`,
      `image = ${slim}\n${rest}def g():\n    global image\n    image = None\n`,
      `image = ${slim} if GPU else None\n${rest}`,
      `image = ${slim}.pip_install("NumPy>=1.26")\n${rest}`,
      `image = ${slim}.unknown()\n${rest}`,
      `image = other.debian_slim()\n${rest}`,
      `image = ${slim}.pip_install("a"\n${rest}`,
      `@app.function(**options)\ndef f(): ...\n`,
      `@app.function(image=IMAGES["a"])\ndef f(): ...\n`,
      `on_gpu = app.function(gpu="L4")\n@on_gpu\ndef f(): ...\n`,
      `for image in IMAGES:\n    pass\n${rest}`,
      `@app.local_entrypoint()\ndef f(): ...\n`,
      `@app.function()\ndef f(): ...\n@app.function()\ndef f(): ...\n`,
    ]) {
      assert.equal(added(unsafe), undefined, unsafe);
    }
    assert.equal(added(`image = ${slim}\n${rest}`, 'gone'), undefined);
    assert.equal(added(`image = ${slim}\n${rest}`, 'f', 'x"); evil("'), undefined);
  });
});

describe('the next larger GPU', () => {
  it('replaces the name in the decorator, whatever way it is written', () => {
    for (const [before, expected] of [
      ['@app.function(gpu="L4")', '@app.function(gpu="L40S")'],
      ["@app.function(timeout=3, gpu='T4')", "@app.function(timeout=3, gpu='L4')"],
      ['@app.function(gpu="A100:2", memory=4)', '@app.function(gpu="H200:2", memory=4)'],
      ['@app.function(gpu=velar.gpu.L4)', '@app.function(gpu=velar.gpu.L40S)'],
      [
        '@app.function(gpu=velar.gpu.H100_SXM(count=2))',
        '@app.function(gpu=velar.gpu.H200(count=2))',
      ],
      [
        '@app.function(\n    gpu="L40S",  # enough\n)',
        '@app.function(\n    gpu="A100",  # enough\n)',
      ],
    ]) {
      assert.equal(enlarged(before ?? ''), expected, before);
    }
  });

  it('is not offered for the largest, for several, or for what is not written there', () => {
    for (const decorator of [
      '@app.function(gpu="H200")',
      '@app.function(gpu="H900")',
      '@app.function(gpu=["L4", "A10"])',
      '@app.function(gpu=GPU)',
      '@app.function(gpu=f"{GPU}")',
      '@app.function(gpu="L4" "0S")',
      '@app.function()',
      '@app.function',
      '@app.function(**{"gpu": "L4"})',
    ]) {
      assert.equal(enlarged(decorator), undefined, decorator);
    }
  });

  it('has more memory than the one before', () => {
    assert.deepEqual(['T4', 'A10', 'RTX5090', 'RTX6000Ada', 'h100', 'H200'].map(nextLarger), [
      'L4',
      'L40S',
      'L40S',
      'A100',
      'H200',
      undefined,
    ]);
  });
});
