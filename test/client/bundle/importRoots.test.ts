import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import * as z from 'zod';
import { importRoots } from '../../../src/client/bundle/resolveModule';
import { DiskFolders, type SourceTree } from '../../../src/client/bundle/sourceTree';
import { makeWorkspace } from './workspace';

const ASK = `
import json, os, sys
from velar_worker.importing import place
root, files = sys.argv[1], sys.argv[2:]
print(json.dumps([[os.path.relpath(folder, root) for folder in place(root, file).search] for file in files]))
`;

describe('the folders that imports start from', () => {
  it('are the same where a bundle is made and where it runs, in the same order', () => {
    const files = [
      'app.py',
      'jobs/app.py',
      'pkg/app.py',
      'pkg/deep/app.py',
      'src/app.py',
      'src/shop/app.py',
    ];
    const packages = ['pkg/__init__.py', 'pkg/deep/__init__.py', 'src/shop/__init__.py'];
    for (const layout of [files, files.filter((file) => !file.startsWith('src/'))]) {
      const inits = packages.filter((path) =>
        layout.some((file) => file.startsWith(path.slice(0, 4))),
      );
      const workspace = makeWorkspace(
        Object.fromEntries([...layout, ...inits].map((f) => [f, ''])),
      );
      try {
        const disk = new DiskFolders();
        const tree: SourceTree = {
          entries: (folder) => disk.entries(join(workspace.root, folder)),
        };
        const result = spawnSync('python3', ['-c', ASK, workspace.root, ...layout], {
          encoding: 'utf8',
          env: { ...process.env, PYTHONPATH: join(process.cwd(), 'runtime', 'python') },
        });
        assert.equal(result.status, 0, result.stderr);
        const answers = z.array(z.array(z.string())).parse(JSON.parse(result.stdout));
        assert.deepEqual(
          layout.map((file) => importRoots(tree, file)),
          answers.map((folders) => folders.map((folder) => (folder === '.' ? '' : folder))),
        );
      } finally {
        workspace.remove();
      }
    }
  });
});
