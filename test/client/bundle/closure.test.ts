import assert from 'node:assert/strict';
import { importClosure } from '../../../src/client/bundle/closure';
import type { ImportClosure } from '../../../src/client/bundle/closure';
import type { EntryKind, SourceTree } from '../../../src/client/bundle/sourceTree';
import { PythonDocument } from '../../../src/discovery/parse';

class MemoryTree implements SourceTree {
  constructor(private readonly files: Readonly<Record<string, string>>) {}

  entries(folder: string): ReadonlyMap<string, EntryKind> | undefined {
    const prefix = folder === '' ? '' : `${folder}/`;
    const entries = new Map<string, EntryKind>();
    for (const path of Object.keys(this.files)) {
      if (!path.startsWith(prefix)) continue;
      const [name, ...deeper] = path.slice(prefix.length).split('/');
      if (name !== undefined) entries.set(name, deeper.length === 0 ? 'file' : 'folder');
    }
    return entries.size === 0 ? undefined : entries;
  }
}

function closure(entry: string, files: Readonly<Record<string, string>>): ImportClosure {
  return importClosure(new MemoryTree(files), entry, (file) => {
    const text = files[file];
    return text === undefined ? undefined : new PythonDocument(text).imports();
  });
}

describe('an import closure', () => {
  it('holds everything that the entry imports, packages and functions included', () => {
    const found = closure('app.py', {
      'app.py':
        'import helper, pkg.deep.leaf\nfrom pkg import side, NAME\nfrom space.inner import thing\n' +
        'def f():\n    import late\n',
      'helper.py': 'import os, json.decoder\nimport helper\n',
      'late.py': '',
      'unused.py': '',
      'pkg/__init__.py': 'from .base import *\nNAME = 1\n',
      'pkg/base.py': '',
      'pkg/side.py': 'from . import base\nfrom .deep.leaf import x\n',
      'pkg/deep/__init__.py': '',
      'pkg/deep/leaf.py': 'from ... import nothing_here\nfrom .. import base\n',
      'space/inner/thing.py': 'x = 1\n',
    });
    assert.deepEqual([...found.files].sort(), [
      'app.py',
      'helper.py',
      'late.py',
      'pkg/__init__.py',
      'pkg/base.py',
      'pkg/deep/__init__.py',
      'pkg/deep/leaf.py',
      'pkg/side.py',
      'space/inner/thing.py',
    ]);
    assert.equal(found.files[0], 'app.py');
    assert.deepEqual(found.external, []);
  });

  it("starts where Python starts: at the script's folder, at its package's, at the root, in src", () => {
    const files = {
      'jobs/run.py': 'import common, lib, shared\n',
      'jobs/common.py': '',
      'shared.py': '',
      'src/lib/__init__.py': '',
      'pkg/__init__.py': '',
      'pkg/app.py': 'import pkg.other\nimport other\n',
      'pkg/other.py': '',
    };
    assert.deepEqual(closure('jobs/run.py', files).files, [
      'jobs/run.py',
      'jobs/common.py',
      'src/lib/__init__.py',
      'shared.py',
    ]);
    const inPackage = closure('pkg/app.py', files);
    assert.deepEqual(inPackage.files, ['pkg/app.py', 'pkg/__init__.py', 'pkg/other.py']);
    assert.deepEqual(
      inPackage.external.map((place) => place.module),
      ['other'],
    );
  });

  it('names what is certainly missing, where it is imported', () => {
    const text = [
      'from .gone import a',
      'from . import lost',
      'import pkg.nothing',
      'from pkg import attribute',
      'from pkg.nope import x',
      'try:',
      '    from .maybe import y',
      'except ImportError:',
      '    y = None',
      'from ..above import z',
    ].join('\n');
    const found = closure('app.py', { 'app.py': text, 'pkg/__init__.py': '', 'other.py': '' });
    assert.deepEqual(
      found.missing.map(({ module, line, expected, from, to }) => [
        module,
        line,
        expected,
        text.slice(from, to),
      ]),
      [
        ['.gone', 1, 'gone.py', 'gone'],
        ['.', 2, 'lost.py', 'from . import lost'],
        ['pkg.nothing', 3, 'pkg/nothing.py', 'pkg.nothing'],
        ['pkg.nope', 5, 'pkg/nope.py', 'pkg.nope'],
        ['..above', 10, '../…', 'above'],
      ],
    );
  });

  it('tells installed packages from standard modules and from folders of the same name', () => {
    const found = closure('app.py', {
      'app.py':
        'import velar, os, numpy.linalg, docker, email.mime\nimport google.cloud.storage\n' +
        'try:\n  import fast\nexcept ImportError:\n  pass\n',
      'docker/Dockerfile': '',
      'email/readme.md': '',
      'google/own.py': '',
    });
    assert.deepEqual(
      found.external.map(({ topLevel, line, optional }) => [topLevel, line, optional]),
      [
        ['numpy', 1, false],
        ['docker', 1, false],
        ['google', 2, false],
        ['fast', 4, true],
      ],
    );
    assert.deepEqual(found.missing, []);
  });

  it('goes round circular imports once', () => {
    const found = closure('a.py', { 'a.py': 'import b\n', 'b.py': 'import a\n' });
    assert.deepEqual(found.files, ['a.py', 'b.py']);
  });
});
