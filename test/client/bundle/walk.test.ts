import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { walk } from '../../../src/client/bundle/walk';
import { makeWorkspace } from './workspace';
import type { TestWorkspace } from './workspace';

async function look(
  root: string,
  signal = new AbortController().signal,
): Promise<{ files: string[]; skipped: Record<string, string> }> {
  const files: string[] = [];
  const skipped: Record<string, string> = {};
  for await (const batch of walk(root, { signal })) {
    files.push(...batch.files.map(({ path }) => path));
    for (const { path, reason } of batch.skipped) skipped[path] = reason;
  }
  return { files: files.sort(), skipped };
}

describe('a walked workspace', () => {
  let workspace: TestWorkspace;
  afterEach(() => {
    workspace.remove();
  });

  it('leaves out a VELAR_HOME in it, known by its store or by being the one in use', async () => {
    workspace = makeWorkspace({
      'app.py': '',
      'data/used/velar.db': '',
      'data/used/blobs/00/copy.py': '',
      'data/used/venvs/x/tool.py': '',
      'here/tokens.json': '',
      'here/copy.py': '',
      'other/blobs/kept.py': '',
      '.velarignore': '!data/used/\n!here/\n',
    });
    symlinkSync(join(workspace.root, 'here'), join(workspace.root, 'linked'));
    const before = process.env['VELAR_HOME'];
    process.env['VELAR_HOME'] = join(workspace.root, 'here');
    try {
      const { files, skipped } = await look(workspace.root);
      assert.deepEqual(files, ['.velarignore', 'app.py', 'other/blobs/kept.py']);
      for (const home of ['data/used/', 'here/', 'linked/']) {
        assert.equal(skipped[home], "never sent: Velar's own state", home);
      }
    } finally {
      if (before === undefined) delete process.env['VELAR_HOME'];
      else process.env['VELAR_HOME'] = before;
    }
  });

  it('never gives secrets, tools, caches and virtual environments away', async () => {
    workspace = makeWorkspace({
      'app.py': '',
      'credentials.py': '',
      'keys.py': '',
      '.env': '',
      '.env.local': '',
      '.ENV.prod': '',
      'tls/server.pem': '',
      'tls/server.KEY': '',
      id_rsa: '',
      'id_ed25519.pub': '',
      '.netrc': '',
      '.npmrc': '',
      'credentials.json': '',
      credentials: '',
      'my-service-account-1.json': '',
      'service_account.json': '',
      '.ssh/config': '',
      '.aws/config': '',
      '.git/config': '',
      'node_modules/x/index.js': '',
      '__pycache__/app.pyc': '',
      'stray.pyc': '',
      'env/pyvenv.cfg': '',
      'env/lib/x.py': '',
      '.vscode/settings.json': '',
      '.ipynb_checkpoints/a.ipynb': '',
      '.velar/state': '',
      '.velarignore': '!.env\n!node_modules/\n',
    });
    const { files, skipped } = await look(workspace.root);
    assert.deepEqual(files, ['.velarignore', 'app.py', 'credentials.py', 'keys.py']);
    assert.equal(skipped['.env'], 'never sent: secret');
    assert.equal(skipped['my-service-account-1.json'], 'never sent: secret');
    assert.equal(skipped['env/'], 'never sent: virtual environment');
    assert.equal(skipped['node_modules/'], 'never sent: packages of Node');
  });

  it('honours nested ignore files and says which line decided', async () => {
    workspace = makeWorkspace({
      '.gitignore': '# data\n*.bin\n/out/\ndata/\n',
      'a.bin': '',
      'out/a.txt': '',
      'pkg/out/a.txt': '',
      'pkg/.gitignore': '!keep.bin\nlocal.txt\n',
      'pkg/keep.bin': '',
      'pkg/other.bin': '',
      'pkg/local.txt': '',
      'data/model.bin': '',
      'data/.gitignore': 'tmp\n',
      'data/tmp': '',
      '.velarignore': '!data/\n*.mp4\n',
      'film.mp4': '',
    });
    const { files, skipped } = await look(workspace.root);
    assert.deepEqual(files, [
      '.gitignore',
      '.velarignore',
      'data/.gitignore',
      'data/model.bin',
      'pkg/.gitignore',
      'pkg/keep.bin',
      'pkg/out/a.txt',
    ]);
    assert.deepEqual(skipped, {
      'a.bin': 'ignored by .gitignore:2',
      'out/': 'ignored by .gitignore:3',
      'pkg/other.bin': 'ignored by .gitignore:2',
      'pkg/local.txt': 'ignored by pkg/.gitignore:2',
      'data/tmp': 'ignored by data/.gitignore:1',
      'film.mp4': 'ignored by .velarignore:2',
    });
  });

  it('counts the ignore files around it, up to the top of the work tree', async () => {
    workspace = makeWorkspace({
      '.git/HEAD': '',
      '.gitignore': '/project/secret.txt\n*.log\n/opened/\n',
      'project/app.py': '',
      'project/secret.txt': '',
      'project/a.log': '',
      'opened/a.log': '',
    });
    assert.deepEqual((await look(join(workspace.root, 'project'))).files, ['app.py']);
    assert.deepEqual((await look(join(workspace.root, 'opened'))).files, ['a.log']);
  });

  it('follows symbolic links only inside, and never in a circle', async () => {
    workspace = makeWorkspace({ 'root/app.py': '', 'root/pkg/a.py': '', 'outside.txt': '' });
    const root = join(workspace.root, 'root');
    workspace.write('root/.env', '');
    symlinkSync('../outside.txt', join(root, 'out.txt'));
    symlinkSync('/etc', join(root, 'etc'));
    symlinkSync('app.py', join(root, 'main.py'));
    symlinkSync('.env', join(root, 'harmless.txt'));
    symlinkSync('pkg', join(root, 'alias'));
    symlinkSync('..', join(root, 'pkg', 'up'));
    symlinkSync('nowhere', join(root, 'broken'));
    const { files, skipped } = await look(root);
    assert.deepEqual(files, ['alias/a.py', 'app.py', 'main.py', 'pkg/a.py']);
    assert.equal(skipped['out.txt'], 'symbolic link out of the folder');
    assert.equal(skipped['etc'], 'symbolic link out of the folder');
    assert.equal(skipped['harmless.txt'], 'never sent: secret');
    assert.equal(skipped['broken'], 'symbolic link to nothing');
    assert.equal(skipped['pkg/up/'], 'symbolic link to a folder around it');
  });

  it('ends at once when it is cancelled', async () => {
    workspace = makeWorkspace({ 'app.py': '' });
    mkdirSync(join(workspace.root, 'more'));
    await assert.rejects(look(workspace.root, AbortSignal.abort()), { code: 'cancelled' });
  });
});
