import * as assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { currentVsix } from '../support/vsix';
import { zipEntries } from '../support/zip';

const NEEDED = [
  'package.json',
  'readme.md',
  'changelog.md',
  'LICENSE.txt',
  'media/icon.png',
  'dist/extension.js',
  'dist/cold.js',
  'dist/discovery.js',
  'dist/cli.js',
  'dist/docker.js',
  'dist/entrypoint.js',
  'dist/runtime.js',
  'dist/endpoint.js',
  'dist/endpoint.css',
  'dist/webview.js',
  'dist/webview.css',
  'dist/node-sqlite3-wasm.wasm',
  'dist/python/velar/__init__.py',
  'dist/python/velar/py.typed',
  'dist/python/velar_worker/__main__.py',
];

describe('the VSIX', () => {
  let path: string;
  let files: string[];

  before(async () => {
    path = await currentVsix();
    files = [...zipEntries(path).keys()]
      .filter((name) => name.startsWith('extension/'))
      .map((name) => name.slice('extension/'.length));
  });

  it('holds everything that the extension, the runtime and the worker load', () => {
    assert.deepEqual(
      NEEDED.filter((name) => !files.includes(name)),
      [],
    );
  });

  it('holds nothing else: no sources, tests, packages, maps, caches or keys', () => {
    const allowed = [
      /^media\/[\w./-]+\.(png|svg|md)$/,
      /^dist\/python\/velar(_worker)?\/[\w./-]+\.(py|typed|json)$/,
    ];
    assert.deepEqual(
      files.filter(
        (name) => !NEEDED.includes(name) && !allowed.some((pattern) => pattern.test(name)),
      ),
      [],
    );
  });

  it('is smaller than 2.5 MB', () => {
    assert.ok(statSync(path).size < 2_500_000, `${statSync(path).size} bytes`);
  });
});
