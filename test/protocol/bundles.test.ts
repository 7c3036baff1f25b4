import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  bundleId,
  checkBundlePath,
  manifestBytes,
  sha256Hex,
} from '../../runtime/protocol/bundles';
import type { FileEntry } from '../../runtime/protocol/methods';
import { VelarError, wireErrorSchema } from '../../runtime/protocol/errors';

const entries = fc.uniqueArray(
  fc.record({
    path: fc.string({ minLength: 1, maxLength: 12 }),
    sha256: fc.string().map(sha256Hex),
    size: fc.nat(),
    mode: fc.constantFrom(0o644, 0o755),
  }),
  { selector: ({ path }) => path, maxLength: 20 },
);

describe('bundle ids', () => {
  it('depend on what is in the bundle and not on its order', () => {
    fc.assert(
      fc.property(entries, fc.nat(), (files, turn) => {
        const at = files.length === 0 ? 0 : turn % files.length;
        const turned = [...files.slice(at), ...files.slice(0, at)];
        assert.equal(bundleId(turned), bundleId(files));
        assert.equal(bundleId(turned.reverse()), bundleId(files));
      }),
    );
  });

  it('change with every fact about every file', () => {
    const file: FileEntry = { path: 'a.py', sha256: sha256Hex('x'), size: 1, mode: 0o644 };
    const changed: FileEntry[] = [
      { ...file, path: 'b.py' },
      { ...file, sha256: sha256Hex('y') },
      { ...file, size: 2 },
      { ...file, mode: 0o755 },
    ];
    const ids = new Set([file, ...changed].map((entry) => bundleId([entry])));
    assert.equal(ids.size, 5);
    assert.notEqual(bundleId([]), bundleId([file]));
  });

  it('stay what they are: the manifest is part of the contract', () => {
    const file = { mode: 0o644, size: 1, path: 'a.py', sha256: 'f'.repeat(64) };
    assert.equal(
      manifestBytes([file]).toString(),
      `{"version":1,"files":[{"path":"a.py","sha256":"${'f'.repeat(64)}","size":1,"mode":420}]}`,
    );
  });
});

describe('bundle paths', () => {
  it('stay inside the bundle on every platform', () => {
    for (const path of ['a.py', 'pkg/mod.py', '.hidden', 'a b/ü.py', '...', 'a..b/c', '..a']) {
      checkBundlePath(path);
    }
    const bad = [
      '',
      '/',
      '/a',
      '../a',
      'a/..',
      'a/../b',
      './a',
      'a/.',
      'a//b',
      'a/',
      'C:',
      'c:/a',
      'a\\b',
      'a\0',
    ];
    for (const path of bad)
      assert.throws(
        () => {
          checkBundlePath(path);
        },
        { code: 'invalid' },
        path,
      );
  });

  it('that pass resolve below the root', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', '.', '..', '', '/', '\\', 'C:', '...')),
        (parts) => {
          const path = parts.join('/');
          try {
            checkBundlePath(path);
          } catch {
            return;
          }
          const url = new URL(path, 'file:///bundle/');
          assert.ok(url.pathname.startsWith('/bundle/'), path);
        },
      ),
    );
  });
});

describe('errors on the wire', () => {
  it('keep code, message, hint and details, and leave out what is absent', () => {
    const error = new VelarError('too-large', 'Too large.', {
      hint: 'Less.',
      details: { bytes: 3 },
    });
    const wire = wireErrorSchema.parse(JSON.parse(JSON.stringify(error.toWire())));
    const back = VelarError.fromWire(wire);
    assert.deepEqual(
      [back.code, back.message, back.hint, back.details],
      ['too-large', 'Too large.', 'Less.', { bytes: 3 }],
    );
    assert.deepEqual(new VelarError('internal', 'x').toWire(), { code: 'internal', message: 'x' });
  });

  it('tell a full disk and a cancellation from other faults', () => {
    const full = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
    assert.equal(VelarError.from(full).code, 'disk-full');
    const aborted = Object.assign(new Error('aborted'), { name: 'AbortError', code: 'ABORT_ERR' });
    assert.equal(VelarError.from(aborted).code, 'cancelled');
    assert.equal(VelarError.from('text').message, 'text');
    const own = new VelarError('conflict', 'x');
    assert.equal(VelarError.from(own), own);
  });
});
