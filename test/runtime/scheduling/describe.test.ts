import assert from 'node:assert/strict';
import { existsSync, readFileSync, watch } from 'node:fs';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VelarError } from '../../../runtime/protocol/errors';
import type { FileEntry } from '../../../runtime/protocol/methods';
import { bundleId, sha256Hex } from '../../../runtime/protocol/bundles';
import { findPython, type PythonInterpreter } from '../../../runtime/images/python';
import { BundleTrees } from '../../../runtime/scheduling/bundleTrees';
import { systemClock } from '../../../runtime/scheduling/clock';
import { DescribeServer, type Described } from '../../../runtime/scheduling/describe';
import { app, PYTHON_PACKAGES } from './harness';

let folder: string;
let entries: (files: Record<string, string>) => Promise<FileEntry[]>;
const blobPath = (sha256: string): string => join(folder, sha256);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'velar-describe-'));
  entries = (files) =>
    Promise.all(
      Object.entries(files).map(async ([path, text]) => {
        const sha256 = sha256Hex(text);
        await writeFile(blobPath(sha256), text, { mode: 0o600 });
        return { path, sha256, size: Buffer.byteLength(text), mode: 0o644 };
      }),
    );
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the describe step', function () {
  this.timeout(30_000);
  let real: PythonInterpreter;
  let python: () => Promise<PythonInterpreter>;
  let server: DescribeServer;

  before(async () => {
    real = await findPython({ environment: process.env });
  });
  beforeEach(async () => {
    // Notes each process that is started, then becomes it.
    const executable = join(folder, 'python');
    const script = `#!/bin/sh\necho $$ >> '${join(folder, 'pids')}'\nexec '${real.executable}' "$@"\n`;
    await writeFile(executable, script, { mode: 0o755 });
    python = () => Promise.resolve({ ...real, executable });
    server = new DescribeServer({
      folder: join(folder, 'trees'),
      blobPath,
      pythonPackages: PYTHON_PACKAGES,
      python: () => python(),
      environment: process.env,
      clock: systemClock,
    });
  });
  afterEach(() => server.dispose());

  const pids = (): number[] =>
    readFileSync(join(folder, 'pids'), 'utf8').trim().split('\n').map(Number);

  async function functions(body: string): Promise<string[]> {
    const files = await entries(app(body));
    return named(await server.describe(bundleId(files), files, 'app.py'));
  }

  it('goes on after its server was killed between two requests', async () => {
    assert.deepEqual(await functions('@app.function()\ndef one(): ...'), ['one']);
    for (const pid of pids()) process.kill(pid, 'SIGKILL');
    assert.deepEqual(await functions('@app.function()\ndef two(): ...'), ['two']);
    assert.equal(pids().length, 2);
  });

  it('asks again when its server is killed during a request', async () => {
    const marker = join(folder, 'importing');
    const body =
      'import os, time\nserver = os.getppid()\n' +
      `if not os.path.exists(${JSON.stringify(marker)}):\n` +
      `    open(${JSON.stringify(marker)}, "w").close()\n` +
      '    while os.getppid() == server:\n        time.sleep(0.01)\n' +
      '@app.function()\ndef f(): ...';
    const asked = functions(body);
    await appears(marker);
    for (const pid of pids()) process.kill(pid, 'SIGKILL');
    assert.deepEqual(await asked, ['f']);
  });

  it('has its Python started before the first request, by whoever expects one', async () => {
    server.prepare();
    await appears(join(folder, 'pids'));
    server.prepare();
    assert.deepEqual(await functions('@app.function()\ndef f(): ...'), ['f']);
    assert.equal(pids().length, 1);
  });

  it('says that Python is missing, and finds it the next time', async () => {
    const found = python;
    python = () => Promise.reject(new VelarError('python-missing', 'No usable Python.'));
    server.prepare();
    await assert.rejects(functions('@app.function()\ndef f(): ...'), /No usable Python/);
    python = found;
    assert.deepEqual(await functions('@app.function()\ndef f(): ...'), ['f']);
  });
});

describe("a bundle's folder for the describe step", () => {
  it('holds the files of the bundle asked for, whatever was there before', async () => {
    const trees = new BundleTrees(join(folder, 'trees'), blobPath);
    const shared = Object.fromEntries(
      Array.from({ length: 40 }, (_, n) => [`lib/m${n}.py`, `${n}`]),
    );
    const outside = join(folder, 'outside.txt');
    await writeFile(outside, 'mine');
    const steps: Record<string, string>[] = [
      { ...shared, 'a.py': 'one', 'was/a/folder.py': 'x', file: 'y' },
      { ...shared, 'a.py': 'two', was: 'a file', 'file/is/folder.py': 'z', 'made.py': 'bundled' },
      { ...shared, 'a.py': 'two', 'deep/er/b.py': 'b' },
    ];
    const folders = new Set<string>();
    for (const files of steps) {
      const wanted = await entries(files);
      await trees.use(bundleId(wanted), wanted, async (root) => {
        folders.add(root);
        for (const [path, text] of Object.entries(files)) {
          assert.equal(await readFile(join(root, path), 'utf8'), text, path);
        }
        // What described code leaves: a link in the way of a file, a file in the way of a folder.
        if (!existsSync(join(root, 'made.py'))) await symlink(outside, join(root, 'made.py'));
        if (!existsSync(join(root, 'deep'))) await writeFile(join(root, 'deep'), '');
      });
    }
    assert.equal(await readFile(outside, 'utf8'), 'mine');
    assert.equal(folders.size, 1);
    await trees.dispose();
  });

  it('writes only what has changed', async () => {
    const trees = new BundleTrees(join(folder, 'trees'), blobPath);
    const first = await entries({ 'a.py': 'a', 'b.py': 'b', 'c.py': 'c' });
    await trees.use(bundleId(first), first, () => Promise.resolve());
    const second = await entries({ 'a.py': 'a', 'b.py': 'changed', 'c.py': 'c' });
    // Without its blob, a file that is written again would fail.
    for (const { path, sha256 } of second) if (path !== 'b.py') await rm(blobPath(sha256));
    const text = await trees.use(bundleId(second), second, (root) =>
      readFile(join(root, 'b.py'), 'utf8'),
    );
    assert.equal(text, 'changed');
    await trees.dispose();
  });
});

function named(answer: Described): string[] {
  if ('error' in answer) throw new Error(JSON.stringify(answer.error));
  return answer.apps.flatMap((each) => each.functions.map(({ qualname }) => qualname));
}

/** Resolves when a file of the test's folder is there. */
async function appears(path: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const watcher = watch(folder);
    const check = (): void => {
      if (!existsSync(path)) return;
      watcher.close();
      resolve();
    };
    watcher.on('change', check);
    check();
  });
}
