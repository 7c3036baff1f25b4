import * as assert from 'node:assert/strict';
import { PythonDocument } from '../../src/discovery/parse';
import { newRunRecord, type RunRecord } from '../../runtime/protocol/runRecord';
import { joinLines } from '../../src/editor/diagnostics/logDocuments';
import { findFrames } from '../../src/editor/diagnostics/tracebackLinks';
import { lensTexts, type LensState } from '../../src/editor/lensTitles';
import { LogTail } from '../../src/editor/runs/logTail';

const [found] = new PythonDocument(
  'import velar\napp = velar.App("a")\n\n@app.function(gpu="L4")\ndef f(x: int): ...\n',
).functions();
assert.ok(found);

/** The status lens at a moment, spaces made plain. */
function status(state: LensState, now: number): string {
  assert.ok(found);
  const texts = lensTexts(found, state, now);
  assert.equal(texts.length, 5, 'the number of lenses must not depend on the state');
  return (texts[3]?.title ?? '').replaceAll('\u00a0', ' ');
}

describe('the lens of a function', () => {
  const fresh = newRunRecord('run-0000000000', 'a.py', 'f', 1000);
  const loading: RunRecord = {
    ...fresh,
    phases: fresh.phases.map((phase) =>
      phase.phase === 'model-load'
        ? { ...phase, status: 'progress', startedAt: 4000, detail: 'gpt2 (transformers.pipeline)' }
        : phase,
    ),
  };
  const cost = { type: 'cost', at: 0, seconds: 3, gpu: 'L4', usd: 0.0005 } as const;
  const ended: RunRecord = {
    ...fresh,
    status: 'succeeded',
    ms: 3200,
    gpu: 'L4',
    device: 'gpu',
    cost,
  };

  it('says GPU, then phase and clock, then how it went, how long and for how much', () => {
    assert.equal(status({ kind: 'idle' }, 0), 'L4');
    assert.equal(
      status({ kind: 'preparing', what: 'waiting for the runtime', since: 1000 }, 3500),
      'L4 · $(loading~spin) waiting for the runtime 2 s',
    );
    assert.equal(
      status({ kind: 'run', record: loading }, 16_500),
      'L4 · $(loading~spin) model-load: gpt2 (transformers.pipeline) 12 s',
    );
    assert.equal(status({ kind: 'run', record: ended }, 0), 'L4 · $(pass) 3.20 s · $0.00050');
  });

  it('says of a phase that it takes far longer than it usually does', () => {
    const record: RunRecord = {
      ...loading,
      phases: loading.phases.map((phase) => ({ ...phase, expectedMs: 5000 })),
    };
    assert.match(
      status({ kind: 'run', record }, 16_500),
      / 12 s · slower than usual \(usually 5\.00 s\)$/,
    );
  });

  it('says that the function stands in the debugger, and why', () => {
    const stopped = (reason: string): RunRecord => ({
      ...loading,
      debug: { state: 'stopped', reason },
    });
    assert.equal(
      status({ kind: 'run', record: stopped('breakpoint') }, 16_500),
      'L4 · $(debug-pause) stopped at a breakpoint',
    );
    assert.match(status({ kind: 'run', record: stopped('exception') }, 0), /at an exception$/);
    const goesOn: RunRecord = { ...loading, debug: { state: 'running' } };
    assert.match(status({ kind: 'run', record: goesOn }, 16_500), /model-load/);
  });

  it('says it when a GPU function ran on the CPU', () => {
    const record: RunRecord = { ...ended, device: 'cpu', cost: { ...cost, usd: 0 } };
    assert.equal(status({ kind: 'run', record }, 0), 'L4 · $(pass) on CPU 3.20 s · $0.00');
  });
});

describe('texts for people', () => {
  it('join pieces of a line, and never lines of two streams', () => {
    const at = 0;
    assert.equal(
      joinLines([
        { seq: 1, stream: 'stdout', at, text: '10%', partial: true },
        { seq: 2, stream: 'stdout', at, text: '..20%', partial: true },
        { seq: 3, stream: 'stderr', at, text: 'warning', partial: false },
        { seq: 4, stream: 'stdout', at, text: 'done', partial: false },
      ]),
      '10%..20%\nwarning\ndone\n',
    );
  });

  it('find the frames of a traceback where they stand', () => {
    const text = 'Traceback:\n  File "pkg/app.py", line 12, in f\n    x\nValueError\n';
    const [frame, ...others] = findFrames(text);
    assert.ok(frame);
    assert.deepEqual(others, []);
    assert.equal(text.slice(frame.start, frame.start + frame.length), 'File "pkg/app.py", line 12');
    assert.deepEqual([frame.file, frame.line], ['pkg/app.py', 12]);
  });

  it('keep the newest lines of a log and count the others', () => {
    const tail = new LogTail();
    for (let seq = 1; seq <= 30_000; seq += 1000) {
      tail.push(
        Array.from({ length: 1000 }, (_, index) => ({
          seq: seq + index,
          stream: 'stdout' as const,
          at: 0,
          text: String(seq + index),
          partial: false,
        })),
      );
    }
    const { lines, dropped } = tail.view();
    assert.equal(lines.at(-1)?.seq, 30_000);
    assert.equal(dropped + lines.length, 30_000);
    assert.equal(lines[0]?.seq, dropped + 1);
  });
});
