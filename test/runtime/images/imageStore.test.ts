import assert from 'node:assert/strict';
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { capture } from '../../../runtime/engines/children';
import { ImageStore } from '../../../runtime/images/imageStore';
import { planImage, type ImagePlan } from '../../../runtime/images/imagePlan';
import { findPython, rememberPython, type PythonInterpreter } from '../../../runtime/images/python';
import { ImageBuildError } from '../../../runtime/images/buildError';
import { venvPython } from '../../../runtime/images/venv';

const QUIET = { progress: () => undefined, output: () => undefined };
const NEVER = new AbortController().signal;

describe('building images', function () {
  this.timeout(120_000);
  let folder: string;
  let python: PythonInterpreter;
  let store: ImageStore;
  before(async () => {
    python = await rememberPython({ environment: process.env })();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'velar-images-'));
    store = new ImageStore(join(folder, 'images'), process.env);
  });
  afterEach(async () => {
    await store.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  function plan(packages: string[], line = 1): ImagePlan {
    const base = { kind: 'debian_slim' as const, pythonVersion: null };
    const layers =
      packages.length === 0 ? [] : [{ kind: 'pip' as const, packages, file: 'app.py', line }];
    return planImage({ image: { base, layers }, python, requirements: new Map() });
  }

  /** A package that needs nothing from any index: a wheel that Python itself zips. */
  async function wheel(name: string): Promise<string> {
    const path = join(folder, `${name}-1.0-py3-none-any.whl`);
    const script = [
      'import sys, zipfile',
      'name, path = sys.argv[1:]',
      'info = f"{name}-1.0.dist-info"',
      'with zipfile.ZipFile(path, "w") as z:',
      '    z.writestr(f"{name}.py", "VALUE = 42\\n")',
      '    z.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n")',
      '    z.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")',
      '    z.writestr(f"{info}/RECORD", "")',
    ].join('\n');
    const args = ['-c', script, name, path];
    const made = await capture({ command: python.executable, args, env: {} });
    assert.equal(made.exit.code, 0, made.stderr);
    return path;
  }

  it('happens once for all who wait, and is there the next time', async () => {
    const wanted = plan([await wheel('velartestpkg')]);
    const seen: string[] = [];
    const listener = { progress: (detail: string) => seen.push(detail), output: () => undefined };
    const [one, two] = await Promise.all([
      store.ensure(wanted, python, listener, NEVER),
      store.ensure(wanted, python, QUIET, NEVER),
    ]);
    assert.deepEqual([one.cached, two.cached], [false, false]);
    assert.equal(seen.filter((detail) => detail === 'creating the environment').length, 1);
    assert.ok(
      seen.some((detail) => /installing/.test(detail)),
      seen.join('\n'),
    );
    const script = ['-c', 'import velartestpkg; print(velartestpkg.VALUE)'];
    const used = await capture({ command: one.python, args: script, env: {} });
    assert.equal(used.stdout.trim(), '42', used.stderr);
    const again = await new ImageStore(join(folder, 'images'), process.env).ensure(
      wanted,
      python,
      QUIET,
      NEVER,
    );
    assert.equal(again.cached, true);
    const listed = await store.list(() => false);
    assert.equal(listed[0]?.key, wanted.venvKey);
    assert.ok((listed[0]?.bytes ?? 0) > 0);
    assert.match(listed[0]?.label ?? '', /^Python 3\..+ with .*velartestpkg/);
    assert.equal((await store.list((key) => key === wanted.venvKey))[0]?.inUse, true);
    await store.remove(wanted.venvKey);
    assert.deepEqual(await store.list(() => false), []);
    await assert.rejects(store.remove(wanted.venvKey), { code: 'not-found' });
    await assert.rejects(store.remove('..'), { code: 'not-found' });
  });

  it('that fails points at the line of the layer, says why and leaves nothing to be used', async () => {
    const wanted = plan([join(folder, 'no-such-folder')], 12);
    let output = '';
    const listener = { progress: () => undefined, output: (text: string) => (output += text) };
    await assert.rejects(store.ensure(wanted, python, listener, NEVER), (error: unknown) => {
      assert.ok(error instanceof ImageBuildError);
      const { kind, traceback, message } = error.runError;
      assert.equal(kind, 'image');
      assert.deepEqual(traceback, [{ file: 'app.py', line: 12, function: 'image' }]);
      assert.match(message, /no-such-folder/);
      assert.match(error.runError.text ?? '', /no-such-folder/, 'the lines of the log');
      return true;
    });
    assert.match(output, /no-such-folder/);
    assert.deepEqual(await store.list(() => false), []);
    assert.equal(store.isReady(wanted), false);
  });

  it('half done is done again, never used', async () => {
    const wanted = plan([]);
    const half = join(folder, 'images', wanted.venvKey);
    await mkdir(join(half, 'bin'), { recursive: true });
    await writeFile(venvPython(half), 'not python');
    assert.ok((await store.removeLeftovers()) >= 'not python'.length);
    await assert.rejects(access(half));
    await mkdir(join(half, 'bin'), { recursive: true });
    await writeFile(venvPython(half), 'not python');
    const ready = await store.ensure(wanted, python, QUIET, NEVER);
    assert.equal(ready.cached, false);
    assert.equal(await store.removeLeftovers(), 0);
    const version = await capture({ command: ready.python, args: ['-V'], env: {} });
    assert.match(version.stdout, /^Python 3/);
  });

  it('ends when nobody waits for it any more, and can be asked for again at once', async () => {
    const wanted = plan([]);
    const abort = new AbortController();
    const first = store.ensure(
      wanted,
      python,
      { progress: () => abort.abort(), output: () => undefined },
      abort.signal,
    );
    await assert.rejects(first, /Cancelled/);
    const second = await store.ensure(wanted, python, QUIET, NEVER);
    await access(second.python);
  });
});

describe('finding Python', () => {
  it('resolves the interpreter itself and its version', async () => {
    const found = await findPython({ environment: process.env });
    assert.match(found.version, /^3\.\d+\.\d+$/);
    await access(found.executable);
  });

  it('says what to do where there is none', async () => {
    await assert.rejects(
      findPython({ environment: { PATH: '/nonexistent' } }),
      (error: unknown) => {
        const { code, hint } = error as { code: string; hint: string };
        assert.equal(code, 'python-missing');
        assert.match(hint, /Install Python 3\.9 or newer/);
        return true;
      },
    );
    await assert.rejects(
      findPython({ wanted: '/nonexistent/python', environment: process.env }),
      /nonexistent/,
    );
  });
});
