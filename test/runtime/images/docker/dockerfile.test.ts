import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import {
  dockerfileText,
  isProblem,
  makeRecipe,
  type Base,
  type Recipe,
} from '../../../../runtime/images/docker/dockerfile';
import { isPlainPackage } from '../../../../runtime/images/docker/installScripts';
import { readLines, readRequirements } from '../../../../runtime/images/docker/requirements';
import type { ImageLayer } from '../../../../runtime/protocol/description';
import { filesOf } from '../../../support/bundleFiles';

const BASE: Base = { from: 'sha256:abc', user: '', environment: ['/usr/local/bin:/usr/bin'] };
const FILES = {
  'app.py': '1',
  'lib/one.py': '2',
  'lib/sub/two.py': '3',
  'requirements.txt': 'numpy==1.26 --hash=sha256:1\n-r more/extra.txt\n',
  'more/extra.txt': 'torch\n',
  'local.txt': '-e ./lib\n',
};

async function recipe(layers: ImageLayer[], base: Base = BASE): Promise<Recipe> {
  const files = filesOf(FILES);
  const requirements = new Map();
  for (const layer of layers) {
    if (layer.kind !== 'requirements') continue;
    requirements.set(layer.path, await readRequirements(layer.path, files));
  }
  const made = makeRecipe({ layers, base, requirements, list: (path) => files.list(path) });
  assert.ok(!isProblem(made), JSON.stringify(made));
  return made;
}

const titles = async (layers: ImageLayer[], base?: Base): Promise<string[]> =>
  (await recipe(layers, base)).steps.slice(1).map((step) => step.title);

const pip = (...packages: string[]): ImageLayer => ({ kind: 'pip', packages });
const file = (target: string): ImageLayer => ({ kind: 'localFile', source: 'app.py', target });

describe('layers as a Dockerfile', () => {
  it('each are a step that knows its line', async () => {
    const { steps, context, environment } = await recipe([
      { kind: 'apt', packages: ['git', 'ffmpeg=7:5.1'], file: 'app.py', line: 3 },
      { kind: 'pip', packages: ['torch>=2; python_version > "3.8"'], file: 'app.py', line: 4 },
      { kind: 'requirements', path: 'requirements.txt', file: 'app.py', line: 5 },
      { kind: 'run', commands: ['echo 1', 'echo 2'], file: 'app.py', line: 6 },
      { kind: 'env', variables: { A: '1' }, file: 'app.py', line: 7 },
      { kind: 'localDir', source: 'lib', target: '/app/lib', file: 'app.py', line: 8 },
    ]);
    assert.deepEqual(
      steps.map((step) => step.place?.line),
      [undefined, 3, 4, 5, 5, 6, 6, 7, 8],
    );
    assert.equal(steps[0]?.instruction, 'FROM sha256:abc');
    const text = dockerfileText(steps);
    assert.match(text, /apt-get install -y --no-install-recommends -- git ffmpeg=7:5\.1/);
    assert.match(text, /rm -rf \/var\/lib\/apt\/lists/);
    assert.match(text, /COPY \["files-1\/","\/app\/lib\/"\]/);
    assert.deepEqual(
      context.map(({ name }) => name),
      [
        'files-0/requirements.txt',
        'files-0/more/extra.txt',
        'files-1/one.py',
        'files-1/sub/two.py',
      ],
    );
    assert.deepEqual(environment, { A: '1' });
  });

  it('put local files behind the installs that can not depend on them', async () => {
    const layers: ImageLayer[] = [
      file('/app/main.py'),
      pip('torch'),
      { kind: 'env', variables: { A: '1' } },
      { kind: 'workdir', path: '/app' },
      { kind: 'apt', packages: ['git'] },
      { kind: 'requirements', path: 'requirements.txt' },
    ];
    assert.deepEqual(await titles(layers), [
      'pip install torch',
      'env A',
      'workdir /app',
      'apt-get install git',
      'add requirements.txt',
      'pip install -r requirements.txt',
      'add app.py',
    ]);
  });

  it('keep their order where it can matter', async () => {
    const kept = async (layers: ImageLayer[], base?: Base): Promise<void> => {
      assert.equal((await titles(layers, base))[0], 'add app.py', JSON.stringify(layers));
    };
    await kept([file('/app/x'), { kind: 'run', commands: ['ls'] }]);
    await kept([file('/app/x'), pip('./lib')]);
    await kept([file('/app/x'), pip('pkg @ file:///app/x')]);
    await kept([file('/app/x.whl'), pip('x.whl')]);
    await kept([file('/app/x'), { kind: 'requirements', path: 'local.txt' }]);
    await kept([file('/app/x'), { kind: 'apt', packages: ['./x.deb'] }]);
    await kept([file('/etc/pip.conf'), pip('torch')]);
    await kept([file('/home/me/.netrc'), pip('torch')]);
    await kept([file('/pip.py'), pip('torch')]);
    await kept([
      file('/wheels/a.whl'),
      { kind: 'env', variables: { PIP_FIND_LINKS: 'file:///wheels' } },
      pip('a'),
    ]);
    await kept([file('/venv/bin/pip'), pip('a')], { ...BASE, environment: ['/venv/bin:/bin'] });
  });

  it('install as root where the base runs as somebody else', async () => {
    const made = await recipe([pip('torch'), { kind: 'run', commands: ['id'] }], {
      ...BASE,
      user: 'app',
    });
    const instructions = made.steps.map((step) =>
      step.instruction.split(' ').slice(0, 2).join(' '),
    );
    assert.deepEqual(instructions.slice(1), [
      'USER "0"',
      'RUN ["/bin/sh","-c","python=python3;',
      'USER "app"',
      'RUN ["/bin/sh","-c","id"]',
    ]);
  });

  it('never let a value out of its instruction', async () => {
    const hostile = fc.string({
      unit: fc.constantFrom(
        ...'\n\r"\'$\\`<>{}()#;& \u2028é'.split(''),
        'EOF',
        '<<EOF',
        'RUN x',
        'a',
      ),
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(hostile, async (value) => {
        const made = await recipe([
          { kind: 'run', commands: [value] },
          { kind: 'env', variables: { A: value } },
          pip(value),
          { kind: 'apt', packages: [value] },
        ]);
        const lines = dockerfileText(made.steps).split('\n');
        assert.equal(lines.length, made.steps.length + 1);
        for (const line of lines.slice(0, -1)) {
          assert.match(line, /^(FROM|RUN \[|ENV A="|USER) ?/);
          assert.doesNotMatch(line, /\\$/);
          // Behind its opening quote a variable's value has escaped quotes and signs only.
          assert.ok(!line.startsWith('ENV') || /^ENV A="(\\[\\"$]|[^\\"$])*"$/.test(line), line);
          assert.ok(!/^RUN.*<</.test(line), line);
        }
        const command = /^RUN (.*)$/.exec(lines[1] ?? '')?.[1] ?? '';
        assert.deepEqual(JSON.parse(command), ['/bin/sh', '-c', value]);
      }),
    );
  });

  it('that no Dockerfile can say are refused with what to do', () => {
    const list = (): [] => [];
    const make = (layer: ImageLayer) =>
      makeRecipe({ layers: [layer], base: BASE, requirements: new Map(), list });
    const refused: [ImageLayer, RegExp][] = [
      [{ kind: 'env', variables: { 'a b': '1' } }, /"a b" can't be the name/],
      [{ kind: 'workdir', path: '/a\nRUN x' }, /workdir: .*line break/],
      [{ kind: 'localFile', source: 'gone', target: '/gone' }, /gone is not among the files/],
      [{ kind: 'requirements', path: 'r.txt' }, /r\.txt is not among the files/],
      [{ kind: 'run', commands: ['x'.repeat(70_000)] }, /run_commands makes an instruction of 70/],
    ];
    for (const [layer, message] of refused) {
      const made = make({ ...layer, file: 'app.py', line: 9 });
      assert.ok(isProblem(made));
      assert.match(made.message, message);
      assert.deepEqual(made.place, { file: 'app.py', line: 9 });
    }
  });
});

describe('requirements', () => {
  it('are plain where no file of the image can change them', () => {
    const plain = ['torch', 'a[b]>=1,<2', "a; python_version<'3'", 'a @ https://h/a.whl', '--pre'];
    for (const line of [...plain, '-i https://h/simple', 'git+https://h/r@main', '# c', 'a # c']) {
      assert.equal(readLines(line).plain, true, line);
    }
    const others = [
      '-e .',
      './a',
      '../a',
      'a.whl',
      '--find-links /w',
      'file:///a',
      '/a',
      '-c /c.txt',
    ];
    for (const line of others) assert.equal(readLines(line).plain, false, line);
    assert.deepEqual(readLines('-r a.txt\n-cb.txt\n--constraint=c.txt').includes, [
      'a.txt',
      'b.txt',
      'c.txt',
    ]);
    assert.equal(isPlainPackage('name==1.0'), true);
    assert.equal(isPlainPackage('name/path'), false);
  });
});
