import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { BundleIndex } from '../../../src/client/bundle/bundleIndex';
import { makeWorkspace } from './workspace';
import type { TestWorkspace } from './workspace';

const { signal } = new AbortController();
const noTexts = new Map<string, string>();

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

describe('a bundle', () => {
  let workspace: TestWorkspace;
  afterEach(() => {
    workspace.remove();
  });

  it('lists files with their hashes, and its id is the hash of that list', async () => {
    workspace = makeWorkspace({ 'b.py': 'import a\n', 'a.py': 'x = "é"\n', 'Z.txt': '' });
    chmodSync(join(workspace.root, 'b.py'), 0o700);
    const bundle = await new BundleIndex(workspace.root).build('b.py', noTexts, signal);
    const files = [
      { path: 'Z.txt', sha256: sha256(''), size: 0, mode: 0o644 },
      { path: 'a.py', sha256: sha256('x = "é"\n'), size: 9, mode: 0o644 },
      { path: 'b.py', sha256: sha256('import a\n'), size: 9, mode: 0o755 },
    ];
    assert.deepEqual(bundle.files, files);
    assert.equal(bundle.id, sha256(JSON.stringify({ version: 1, files })));
    assert.equal(bundle.totalBytes, 18);
    for (const entry of bundle.files) {
      const content = readFileSync(join(workspace.root, entry.path));
      assert.deepEqual(Buffer.from(await bundle.read(entry)), content);
    }
  });

  it('says of every path whether it goes and why', async () => {
    workspace = makeWorkspace({
      '.gitignore': 'generated.py\nother_generated.py\n',
      '.env': 'TOKEN=1',
      'app.py': 'import generated, plain\n',
      'generated.py': '',
      'other_generated.py': '',
      'plain.py': '',
      'notes.txt': '',
    });
    const texts = new Map([[join(workspace.root, 'plain.py'), 'x = 1\n']]);
    const bundle = await new BundleIndex(workspace.root).build('app.py', texts, signal);
    assert.deepEqual(
      bundle.decisions().map(({ path, sent, reason }) => [path, sent, reason]),
      [
        ['.env', false, 'never sent: secret'],
        ['.gitignore', true, 'workspace file'],
        ['app.py', true, 'the file that runs'],
        ['generated.py', true, 'import closure'],
        ['notes.txt', true, 'workspace file'],
        ['other_generated.py', false, 'ignored by .gitignore:2'],
        ['plain.py', true, 'import closure, as it stands in the editor'],
      ],
    );
  });

  it('carries the text of the editor, saved or not, and follows its imports', async () => {
    workspace = makeWorkspace({ 'app.py': 'old\n', 'late.py': '', '.gitignore': 'late.py\n' });
    const outside = join(workspace.root, '..', 'elsewhere.py');
    const texts = new Map([
      [join(workspace.root, 'app.py'), 'import late, fresh, absent.x\nfrom . import gone\n'],
      [join(workspace.root, 'fresh.py'), 'y = 1\n'],
      [join(workspace.root, 'unrelated.py'), ''],
      [outside, 'z = 1\n'],
    ]);
    const bundle = await new BundleIndex(workspace.root).build('app.py', texts, signal);
    assert.deepEqual(
      bundle.files.map(({ path }) => path),
      ['.gitignore', 'app.py', 'fresh.py', 'late.py'],
    );
    const [, app] = bundle.files;
    assert.ok(app);
    assert.match(Buffer.from(await bundle.read(app)).toString(), /^import late/);
    assert.deepEqual(
      bundle.missing.map(({ expected }) => expected),
      ['gone.py'],
    );
    assert.deepEqual(
      bundle.external.map(({ topLevel }) => topLevel),
      ['absent'],
    );
    const untitled = new Map([[join(workspace.root, 'untitled_1.py'), 'import late\n']]);
    const other = await new BundleIndex(workspace.root).build('untitled_1.py', untitled, signal);
    assert.ok(other.files.some(({ path }) => path === 'untitled_1.py'));
  });

  it('refuses a file that is not there, and one outside of the folder', async () => {
    workspace = makeWorkspace({ 'app.py': '' });
    const index = new BundleIndex(workspace.root);
    await assert.rejects(index.build('no.py', noTexts, signal), { code: 'not-found' });
    await assert.rejects(index.build('../app.py', noTexts, signal), { code: 'invalid' });
    const aborted = index.build('app.py', noTexts, AbortSignal.abort());
    await assert.rejects(aborted, { code: 'cancelled' });
  });

  it('asks for confirmation above 50 MiB', async () => {
    workspace = makeWorkspace({ 'app.py': '' });
    workspace.write('large.bin', Buffer.alloc(50 * 1024 * 1024));
    const index = new BundleIndex(workspace.root);
    assert.equal((await index.build('app.py', noTexts, signal)).needsConfirmation, false);
    workspace.write('one.txt', 'x');
    const bundle = await index.build('app.py', noTexts, signal);
    assert.equal(bundle.needsConfirmation, true);
    const large = bundle.files.find(({ path }) => path === 'large.bin');
    assert.equal(large?.sha256, sha256(Buffer.alloc(50 * 1024 * 1024)));
  });

  it('notices a file that changes between hashing and sending, and mends with the next try', async () => {
    workspace = makeWorkspace({ 'app.py': 'one\n' });
    const path = join(workspace.root, 'app.py');
    const { atime, mtime } = statSync(path);
    const index = new BundleIndex(workspace.root);
    const bundle = await index.build('app.py', noTexts, signal);
    const [entry] = bundle.files;
    assert.ok(entry);
    // Same size and same time: nothing but the content tells.
    writeFileSync(path, 'two\n');
    utimesSync(path, atime, mtime);
    await assert.rejects(bundle.read(entry), { code: 'bundle-changed' });
    const again = await index.build('app.py', noTexts, signal);
    assert.equal(again.files[0]?.sha256, sha256('two\n'));
  });
});

describe('an index of bundles', () => {
  it('always gives what a new one would give, whatever happened to the files', async function () {
    this.timeout(60_000);
    const names = ['app.py', 'a.py', 'b.txt', 'pkg/__init__.py', 'pkg/c.py', '.gitignore'];
    const contents = ['', 'import a\n', 'import pkg.c\n', 'x = 1\n', 'b.txt\n', '/pkg/\n'];
    const step = fc.record({
      name: fc.constantFrom(...names),
      content: fc.constantFrom(...contents),
      what: fc.constantFrom('write', 'remove', 'unsaved'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        const workspace = makeWorkspace({ 'app.py': '', 'pkg/c.py': '', 'a.py': '' });
        try {
          const index = new BundleIndex(workspace.root);
          const texts = new Map<string, string>();
          for (const { name, content, what } of steps) {
            const path = join(workspace.root, name);
            if (what === 'unsaved') texts.set(path, content);
            else if (what === 'write') workspace.write(name, content);
            else if (name !== 'app.py') workspace.write(`${name}.bak`, content);
            const kept = await index.build('app.py', texts, signal);
            const fresh = await new BundleIndex(workspace.root).build('app.py', texts, signal);
            assert.deepEqual(kept.files, fresh.files);
            assert.deepEqual(kept.missing, fresh.missing);
            assert.deepEqual(kept.decisions(), fresh.decisions());
            for (const entry of kept.files) {
              assert.equal(sha256(await kept.read(entry)), entry.sha256);
            }
          }
        } finally {
          workspace.remove();
        }
      }),
      { numRuns: 60 },
    );
  });
});
