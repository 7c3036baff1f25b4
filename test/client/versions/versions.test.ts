import * as assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  fileChange,
  type FileChange,
  type FullDiff,
} from '../../../src/client/versions/compareVersions';
import { diffJson, diffLines } from '../../../src/client/versions/diffText';
import { unifiedHunks } from '../../../src/client/versions/unifiedDiff';

/** Numbered lines, some of them replaced; null leaves one out. */
const lines = (count: number, changes: Record<number, string | null> = {}): string =>
  Array.from({ length: count }, (_, index) => {
    const text = index in changes ? changes[index] : `line ${String(index)}`;
    return text === null || text === undefined ? '' : `${text}\n`;
  }).join('');

/** What `git apply` makes of `before` with the diff. */
function applied(before: string, hunks: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'velar-diff-'));
  try {
    const file = join(folder, 'f.txt');
    writeFileSync(file, before);
    const patch = ['--- a/f.txt', '+++ b/f.txt', ...hunks, ''].join('\n');
    execFileSync('git', ['apply', '--unidiff-zero', '-'], {
      cwd: folder,
      input: patch,
      env: { ...process.env, GIT_CEILING_DIRECTORIES: tmpdir() },
    });
    return readFileSync(file, 'utf8');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('a unified diff', () => {
  it('shows what changes with three lines around it, in hunks that say where', () => {
    const hunks = unifiedHunks(lines(30), lines(30, { 4: 'four', 25: null }));
    assert.deepEqual(hunks.slice(0, 9), [
      '@@ -2,7 +2,7 @@',
      ' line 1',
      ' line 2',
      ' line 3',
      '-line 4',
      '+four',
      ' line 5',
      ' line 6',
      ' line 7',
    ]);
    assert.deepEqual(hunks.slice(9), [
      '@@ -23,7 +23,6 @@',
      ' line 22',
      ' line 23',
      ' line 24',
      '-line 25',
      ' line 26',
      ' line 27',
      ' line 28',
    ]);
    assert.deepEqual(unifiedHunks('same\n', 'same\n'), []);
  });

  it('is one that git applies, whatever changes', () => {
    const cases: [string, string][] = [
      [lines(30), lines(30, { 0: 'first', 29: null })],
      [lines(12), lines(12, { 3: null, 9: 'nine\nand a half' })],
      ['one\ntwo', 'one\ntwo\n'],
      ['one\ntwo\n', 'one\nthree'],
      ['a\r\nb\r\n', 'a\nb\r\n'],
      ['- a\n+ b\n', '- a\n\n+ b\n'],
    ];
    for (const [before, after] of cases) {
      assert.equal(applied(before, unifiedHunks(before, after)), after);
    }
  });
});

describe('what changes between versions', () => {
  const named = { path: 'app.py', change: 'changed' } as const;
  const diff = (files: FileChange[], more: string[] = []): FullDiff => ({
    ...{ app: 'shop', from: 1, to: 2 },
    ...{ files, lines: more },
  });

  it('has functions first, then files by name, then their lines', () => {
    const changed = fileChange(named, { text: 'a\n' }, { text: 'b\n' });
    const removed = fileChange({ path: 'old.py', change: 'removed' }, { text: 'x\n' }, null);
    assert.deepEqual(
      diffLines(diff([changed, removed], ['f: timeout 300 s → 60 s'])).map(({ text }) => text),
      [
        'f: timeout 300 s → 60 s',
        ...['~ app.py', '− old.py', ''],
        ...['--- app.py\tversion 1', '+++ app.py\tversion 2', '@@ -1 +1 @@', '-a', '+b'],
        ...['--- old.py\tversion 1', '+++ /dev/null', '@@ -1 +0,0 @@', '-x'],
      ],
    );
    const some = diffLines(diff([changed]), 3).map(({ text }) => text);
    assert.equal(some.at(-1), '… and 2 more lines of code');
    assert.deepEqual(diffLines(diff([])), [{ kind: 'plain', text: 'nothing changes' }]);
  });

  it('names what can not be shown, and why', () => {
    const reasons = [
      fileChange(named, { text: '' }, { unshown: 'binary', size: 2000 }),
      fileChange(named, { unshown: 'large', size: 3_000_000 }, { text: '' }),
      fileChange(named, { unshown: 'gone', size: 5 }, { text: 'x' }),
      fileChange(named, { text: 'x' }, { text: 'x' }),
    ];
    assert.deepEqual(
      diffLines(diff(reasons)).map(({ text }) => text),
      [
        '~ app.py (no text, 2.00 kB)',
        '~ app.py (too large to show, 3.00 MB)',
        '~ app.py (its content is no longer on the runtime)',
        '~ app.py (its permissions change)',
      ],
    );
  });

  it('is told in JSON with a patch for each file', () => {
    const changed = fileChange(named, { text: 'a\n' }, { text: 'b\n' });
    assert.deepEqual(diffJson(diff([changed])), {
      ...{ app: 'shop', from: 1, to: 2, lines: [], notes: [] },
      files: [
        { ...named, patch: '--- app.py\tversion 1\n+++ app.py\tversion 2\n@@ -1 +1 @@\n-a\n+b\n' },
      ],
    });
  });
});
