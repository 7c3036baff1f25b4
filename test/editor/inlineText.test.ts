import * as assert from 'node:assert/strict';
import type { LogLine } from '../../runtime/protocol/logChunks';
import { applyRunEvent, newRunRecord, type RunRecord } from '../../runtime/protocol/runRecord';
import { bundlePaths, pythonWarnings, runNotes } from '../../src/editor/diagnostics/runWarnings';
import {
  hoverText,
  inlineText,
  linesOfCode,
  printedLines,
} from '../../src/editor/inlineOutput/inlineText';
import { readFunctions } from '../../src/discovery/parse';

function record(change: Partial<RunRecord>): RunRecord {
  return { ...newRunRecord('run-0000000000', 'a.py', 'f', 0), ms: 1200, ...change };
}

function printed(text: string, stream: LogLine['stream'] = 'stdout', partial = false): LogLine {
  return { seq: 1, stream, at: 0, text, partial };
}

describe('the hint behind a definition', () => {
  it('says what was returned, how long it took and what was printed last', () => {
    const succeeded = record({ status: 'succeeded', result: { value: { a: [1, 2] } } });
    assert.deepEqual(inlineText(succeeded, ['one', 'two', ' ']), {
      text: '→ {"a":[1,2]}  ·  1.20 s  ·  printed: two',
      tone: 'plain',
    });
    assert.equal(
      inlineText(record({ status: 'succeeded', result: { value: null } }), [])?.text,
      '→ None  ·  1.20 s',
    );
    const mime = { mime: { 'text/plain': 'tensor([[1,\n  2]])', 'text/html': '<b>' } };
    assert.match(
      inlineText(record({ status: 'succeeded', result: mime }), [])?.text ?? '',
      /^→ tensor\(\[\[1, 2\]\]\) /,
    );
  });

  it('says what went wrong, and nothing of a run that has printed nothing yet', () => {
    const error = { kind: 'user' as const, type: 'KeyError', message: "'x'", traceback: [] };
    assert.deepEqual(inlineText(record({ status: 'failed', error }), []), {
      text: "✗ KeyError: 'x'  ·  1.20 s",
      tone: 'error',
    });
    assert.equal(inlineText(record({ status: 'active', ms: null }), []), undefined);
    assert.equal(
      inlineText(record({ status: 'active', ms: null }), ['epoch 1'])?.text,
      '… printed: epoch 1',
    );
    assert.equal(inlineText(record({ status: 'cancelled' }), ['a']), undefined);
  });

  it('leaves out what the build of the image printed', () => {
    const run = newRunRecord('run-0000000000', 'a.py', 'f', 1000);
    const image = (status: 'progress' | 'done', at: number, ms: number): RunRecord =>
      applyRunEvent(run, { type: 'phase', at, phase: 'image', status, ms });
    const log = [
      { ...printed('Collecting torch'), at: 1500 },
      { ...printed('epoch 1'), at: 2400 },
    ];
    assert.deepEqual(linesOfCode(image('progress', 1600, 600), log), []);
    assert.deepEqual(linesOfCode(image('done', 2000, 1000), log), log.slice(1));
    assert.deepEqual(linesOfCode(run, log), log, 'an image that was there prints nothing');
  });

  it('stays short, whatever was returned and printed', () => {
    const long = record({ status: 'succeeded', result: { value: '😀'.repeat(100_000) } });
    const text = inlineText(long, ['x'.repeat(100_000)])?.text ?? '';
    assert.ok([...text].length < 160, String(text.length));
    assert.match(text, /😀… {2}· {2}1.20 s {2}· {2}printed: x+…$/u);
    const hover = hoverText(
      long,
      Array.from({ length: 500 }, () => 'y'.repeat(5000)),
    );
    assert.ok(JSON.stringify(hover).length < 10_000);
  });

  it('shows lines without colours, and of a progress bar what stands there last', () => {
    assert.deepEqual(
      printedLines([
        printed('\u001b[1;32mgreen\u001b[0m'),
        printed(' 10%|#   |\r 90%|### |\r', 'stderr', true),
        printed('other'),
        printed('\r100%|####|', 'stderr'),
        printed('windows\r'),
      ]),
      ['green', ' 90%|### |100%|####|', 'other', 'windows'],
    );
  });
});

describe('warnings of a run', () => {
  it('are read from what the warnings module prints', () => {
    assert.deepEqual(
      pythonWarnings([
        printed('/x/app/pkg/m.py:12: UserWarning: slow path: use b', 'stderr'),
        printed('  warnings.warn("slow path: use b")', 'stderr'),
        printed('/x/app/m.py:3: DeprecationWarning: old', 'stderr'),
        printed('/x/app/m.py:3: UserWarning: on stdout'),
        printed('Warning: nothing', 'stderr'),
      ]),
      [
        { file: '/x/app/pkg/m.py', line: 12, category: 'UserWarning', message: 'slow path: use b' },
        { file: '/x/app/m.py', line: 3, category: 'DeprecationWarning', message: 'old' },
      ],
    );
  });

  it('belong to a file of the bundle, never to an installed one', () => {
    assert.deepEqual(bundlePaths('/home/c1/app/app/m.py'), ['app/m.py', 'm.py']);
    assert.deepEqual(bundlePaths('/venv/lib/python3.12/site-packages/app/m.py'), []);
    assert.deepEqual(bundlePaths('/usr/lib/python3.12/m.py'), []);
  });

  it('tell of the CPU in place of a GPU, and of a download that took long', () => {
    const [found] = readFunctions(
      'import velar\napp = velar.App("a")\n@app.function(gpu="L4")\ndef f(): ...\n',
      {},
    );
    assert.ok(found);
    assert.match(
      runNotes(record({ device: 'cpu' }), found)[0] ?? '',
      /asks for L4, and ran on the CPU/,
    );
    assert.deepEqual(runNotes(record({ device: 'gpu' }), found), []);
    const { phases } = record({});
    const slow = phases.map((phase) =>
      phase.phase === 'image'
        ? { ...phase, status: 'done' as const, ms: 40_000, expectedMs: 5000, detail: 'pulled' }
        : phase,
    );
    assert.deepEqual(runNotes(record({ device: 'gpu', phases: slow }), found), [
      'image took 40.0 s (pulled), slower than usual (usually 5.00 s).',
    ]);
  });
});
