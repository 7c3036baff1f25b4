import * as assert from 'node:assert/strict';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { pathMapOf } from '../../src/editor/debug/bundlePaths';
import { PathMap, type PathMapOptions } from '../../src/editor/debug/paths';

const BOX = '/velar/bundle';

function mapOf(options: Partial<PathMapOptions>): PathMap {
  return new PathMap({
    roots: ['/home/me/work'],
    remoteRoot: BOX,
    files: undefined,
    documents: new Map(),
    aliases: [],
    ...options,
  });
}

describe('files here and in the container', () => {
  it('are found both ways, whatever their names', () => {
    const name = fc
      .array(fc.constantFrom('a', 'B', 'ü', ' ', '.', 'x1', '數'), { minLength: 1, maxLength: 4 })
      .map((parts) => `f${parts.join('')}`);
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), (parts) => {
        const paths = mapOf({});
        const local = `/home/me/work/${parts.join('/')}.py`;
        assert.deepEqual(paths.toRemote(local), [`${BOX}/${parts.join('/')}.py`]);
        assert.equal(mapOf({}).toLocal(`${BOX}/${parts.join('/')}.py`), local);
      }),
    );
  });

  it('are told from files of other folders that begin alike', () => {
    const paths = mapOf({});
    assert.deepEqual(paths.toRemote('/home/me/work2/app.py'), []);
    assert.equal(paths.toLocal('/velar/bundle2/app.py'), undefined);
    assert.equal(paths.toLocal('/usr/lib/python3.11/json/__init__.py'), undefined);
  });

  it('are only those that were sent', () => {
    const paths = mapOf({ files: new Set(['app.py']) });
    assert.deepEqual(paths.toRemote('/home/me/work/ignored.py'), []);
  });

  it('have one drive and one case on Windows, and backslashes', () => {
    const paths = mapOf({ roots: ['C:\\Users\\Me\\Work'], files: new Set(['Pkg/App.py']) });
    for (const local of ['c:\\users\\me\\work\\pkg\\app.py', 'C:/Users/Me/Work/Pkg/App.py']) {
      assert.deepEqual(paths.toRemote(local), [`${BOX}/Pkg/App.py`]);
    }
    const fresh = mapOf({ roots: ['C:\\Users\\Me\\Work'] });
    assert.equal(fresh.toLocal(`${BOX}/Pkg/App.py`), 'C:\\Users\\Me\\Work\\Pkg\\App.py');
    const share = mapOf({ roots: ['\\\\server\\share\\work'] });
    assert.deepEqual(share.toRemote('\\\\SERVER\\share\\work\\app.py'), [`${BOX}/app.py`]);
    assert.deepEqual(paths.toRemote('d:\\users\\me\\work\\pkg\\app.py'), []);
  });

  it('are found where the runtime is the Windows machine', () => {
    const paths = mapOf({ remoteRoot: 'C:\\velar\\b1' });
    assert.deepEqual(paths.toRemote('/home/me/work/pkg/app.py'), ['C:\\velar\\b1\\pkg\\app.py']);
    assert.equal(paths.toLocal('c:\\Velar\\b1\\pkg\\app.py'), '/home/me/work/pkg/app.py');
  });

  it('may be text that has no file yet', () => {
    const documents = new Map([['untitled_1.py', 'untitled:Untitled-1']]);
    const paths = mapOf({ documents });
    assert.deepEqual(paths.toRemote('untitled:Untitled-1'), [`${BOX}/untitled_1.py`]);
    assert.equal(paths.toLocal(`${BOX}/untitled_1.py`), 'untitled:Untitled-1');
  });

  it('keep the name by which the editor asked for them', () => {
    const paths = mapOf({ roots: ['/home/me/link', '/data/work'] });
    assert.deepEqual(paths.toRemote('/data/work/app.py'), [`${BOX}/app.py`]);
    assert.equal(paths.toLocal(`${BOX}/app.py`), '/data/work/app.py');
    assert.equal(paths.toLocal(`${BOX}/other.py`), '/home/me/link/other.py');
  });

  it('are renamed inside a traceback', () => {
    const text = `  File "${BOX}/a.py", line 1, in f\n  File "/usr/lib/x.py", line 2`;
    assert.equal(
      mapOf({}).textToLocal(text),
      '  File "/home/me/work/a.py", line 1, in f\n  File "/usr/lib/x.py", line 2',
    );
  });
});

describe('files behind symbolic links', () => {
  let scratch: string;
  before(async () => {
    scratch = await realpath(await mkdtemp(join(tmpdir(), 'velar-links-')));
    await mkdir(join(scratch, 'work', 'pkg'), { recursive: true });
    await writeFile(join(scratch, 'work', 'pkg', 'a.py'), '');
    await symlink('pkg', join(scratch, 'work', 'same'));
    await symlink(join('pkg', 'a.py'), join(scratch, 'work', 'linked.py'));
    await symlink('work', join(scratch, 'door'));
  });
  after(async () => rm(scratch, { recursive: true }));

  it('are stopped in under each of their names, through a linked folder too', () => {
    const files = ['linked.py', 'pkg/a.py', 'same/a.py'];
    const root = join(scratch, 'door');
    const paths = pathMapOf({ root, files, documents: new Map() }, BOX);
    const all = files.map((file) => `${BOX}/${file}`);
    assert.deepEqual(paths.toRemote(join(root, 'pkg/a.py')).sort(), all);
    assert.deepEqual(paths.toRemote(join(scratch, 'work/linked.py')).sort(), all);
    assert.equal(paths.toLocal(`${BOX}/same/a.py`), join(scratch, 'work/linked.py'));
  });
});
