import * as assert from 'node:assert/strict';
import type { RunEvent } from '../../runtime/protocol/events';
import { makeLogChunk } from '../../runtime/protocol/logChunks';
import { applyRunEvent, newRunRecord } from '../../runtime/protocol/runRecord';
import { HumanRunReporter } from '../../src/cli/humanRun';
import type { Terminal } from '../../src/cli/terminal';

function same(text: string): string {
  return text;
}

/** Shows the events and output to a reporter; what it wrote, in order, stderr marked with `2|`. */
function shown(...steps: (RunEvent | string)[]): string[] {
  const written: string[] = [];
  const terminal: Terminal = {
    out: (text) => void written.push(`1|${Buffer.from(text).toString()}`),
    err: (text) => void written.push(`2|${Buffer.from(text).toString()}`),
    ask: () => Promise.resolve(''),
    secret: () => Promise.reject(new Error('nobody is there')),
    piped: true,
    asking: false,
    live: false,
    columns: 80,
    paint: { dim: same, bold: same, red: same, green: same, yellow: same },
  };
  const reporter = new HumanRunReporter(terminal, 'collecting files');
  let record = newRunRecord('run-0123456789', 'app.py', 'f', 0);
  for (const step of steps) {
    if (typeof step === 'string') {
      void reporter.output(makeLogChunk('stdout', 1, 0, Buffer.from(step)));
    } else {
      record = applyRunEvent(record, step);
      reporter.events([step], record);
    }
  }
  if (record.status !== 'active') reporter.ended(record);
  reporter.close();
  return written;
}

const ended: RunEvent = { type: 'ended', at: 9, status: 'succeeded', ms: 1234, lines: 0 };

describe('a run on a terminal', () => {
  it('shows each phase that ended with its time or why it was skipped', () => {
    assert.deepEqual(
      shown(
        { type: 'phase', at: 1, phase: 'queued', status: 'done', ms: 12.4 },
        { type: 'phase', at: 2, phase: 'image', status: 'progress', detail: 'Installing torch' },
        { type: 'phase', at: 3, phase: 'image', status: 'progress', detail: 'Installing torch' },
        { type: 'phase', at: 4, phase: 'image', status: 'skipped', detail: 'image cached' },
      ),
      [
        '2|✓ queued        12 ms\n',
        '2|… image         Installing torch\n',
        '2|– image         skipped   image cached\n',
      ],
    );
  });

  it('prints output as it came and ends a line that the function left open', () => {
    assert.deepEqual(
      shown('50 %', {
        type: 'phase',
        at: 1,
        phase: 'running',
        status: 'done',
        ms: 61_000,
        detail: 'x',
      }),
      ['1|50 %', '2|\n✓ running       1 m 01 s  x\n'],
    );
  });

  it('ends with result, device, peak memory and cost', () => {
    const written = shown(
      {
        type: 'container',
        at: 1,
        container: 'c',
        warm: false,
        device: 'gpu',
        gpu: 'NVIDIA L4',
      },
      {
        type: 'memory',
        at: 2,
        device: 'cuda:0',
        usedBytes: 3 * 2 ** 30,
        totalBytes: 24 * 2 ** 30,
        source: 'nvml',
      },
      { type: 'cost', at: 3, seconds: 1.5, gpu: 'L4', usd: 0.000246 },
      { type: 'result', at: 3, result: { value: [1] } },
      ended,
    );
    assert.deepEqual(written, [
      '1|[\n  1\n]\n',
      '2|Done in 1.23 s · peak 3.22 GB cuda:0 · $0.00025 (1.50 s of L4)\n',
    ]);
  });

  it('tells the peak of each phase apart', () => {
    const memory = (at: number, usedBytes: number) => ({
      type: 'memory' as const,
      at,
      device: 'L4 0',
      usedBytes,
      totalBytes: null,
      source: 'nvml' as const,
    });
    const phase = (name: 'model-load' | 'running', status: 'started' | 'done') => ({
      type: 'phase' as const,
      at: 1,
      phase: name,
      status,
      ms: 1,
    });
    const written = shown(
      phase('model-load', 'started'),
      memory(2, 3.9e9),
      phase('model-load', 'done'),
      phase('running', 'started'),
      memory(3, 4.1e9),
      phase('running', 'done'),
      ended,
    );
    assert.match(
      written.join(''),
      /peak 4\.10 GB L4 0 \(4\.10 GB while running, 3\.90 GB in model-load\)/,
    );
  });

  it('says now and then how far a batch is, and at the end what came of it', () => {
    const batch = (at: number, done: number, failed: number): RunEvent => ({
      type: 'batch',
      at,
      done,
      failed,
      cancelled: 0,
      total: 60,
      complete: true,
      perSecond: 2,
      leftMs: ((60 - done - failed) / 2) * 1000,
      cost: { seconds: 1, gpu: null, usd: 0 },
    });
    const told = Array.from({ length: 45 }, (_, index) => batch(1 + index * 250, index, 0));
    assert.deepEqual(shown(...told, batch(12_000, 57, 3), { ...ended, ms: 12_000 }), [
      '2|… running       20 of 60 inputs · 2.0/s · about 20 s left\n',
      '2|… running       40 of 60 inputs · 2.0/s · about 10 s left\n',
      '2|Done in 12.0 s (57 of 60 inputs, 3 failed)\n',
    ]);
  });

  it('lists the inputs that failed at the end', () => {
    const failed = (index: number, input: string | null): RunEvent => ({
      type: 'input-failed',
      at: 1,
      map: 1,
      function: 'square',
      index,
      input,
      kind: input === null ? 'infrastructure' : 'user',
      error: input === null ? null : 'ValueError',
      message: 'no',
    });
    const batch: RunEvent = {
      type: 'batch',
      at: 2,
      done: 7,
      failed: 3,
      cancelled: 0,
      total: 10,
      complete: true,
      kept: 2,
      perSecond: null,
      leftMs: null,
      cost: { seconds: 1, gpu: null, usd: 0 },
    };
    assert.deepEqual(shown(failed(2, '(2)'), failed(5, null), batch, ended), [
      '2|3 of 10 inputs failed; the first 2 are listed:\n',
      '2|  square #2 (2)  ValueError: no\n',
      '2|  square #5 (input unknown)  infrastructure: no\n',
      '2|Run 2 failed inputs again: velar rerun run-0123456789\n',
      '2|1 failed input not kept to be run again.\n',
      '2|Done in 1.23 s (7 of 10 inputs, 3 failed)\n',
    ]);
  });

  it('shows an error as Python does, with workspace files and the next step', () => {
    const [text] = shown(
      {
        type: 'error',
        at: 1,
        error: {
          kind: 'user',
          type: 'ValueError',
          message: 'no',
          traceback: [{ file: 'pkg/app.py', line: 3, function: 'f', text: '  raise ValueError' }],
          hint: 'Try again.',
        },
      },
      { ...ended, status: 'failed' },
    );
    assert.equal(
      text,
      '2|Traceback (most recent call last):\n  File "pkg/app.py", line 3, in f\n' +
        '    raise ValueError\nValueError: no\n→ Try again.\n',
    );
  });
});
