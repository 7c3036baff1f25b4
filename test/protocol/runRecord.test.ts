import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { MemorySample, RunEvent } from '../../runtime/protocol/events';
import { phases } from '../../runtime/protocol/phases';
import {
  applyRunEvent,
  currentPhase,
  newRunRecord,
  type RunRecord,
} from '../../runtime/protocol/runRecord';

function after(events: RunEvent[]): RunRecord {
  return events.reduce(applyRunEvent, newRunRecord('run-0000000001', 'app.py', 'f', 1000));
}

const sample = (at: number, usedBytes: number, device = 'host'): MemorySample => ({
  type: 'memory',
  at,
  device,
  usedBytes,
  totalBytes: null,
  source: 'rss',
});

describe('run record', () => {
  it('shows the phase that is going on, with its times', () => {
    const record = after([
      { type: 'phase', at: 1000, phase: 'queued', status: 'started' },
      { type: 'phase', at: 1010, phase: 'queued', status: 'done', ms: 10 },
      { type: 'phase', at: 1010, phase: 'image', status: 'skipped', ms: 0, detail: 'cached' },
      { type: 'phase', at: 1012, phase: 'container', status: 'started', expectedMs: 300 },
    ]);
    assert.equal(currentPhase(record)?.phase, 'container');
    assert.deepEqual(record.phases[0], {
      phase: 'queued',
      status: 'done',
      startedAt: 1000,
      ms: 10,
      detail: null,
      paused: false,
      expectedMs: null,
      peakBytes: {},
    });
    const image = record.phases.find(({ phase }) => phase === 'image');
    assert.deepEqual([image?.startedAt, image?.ms, image?.detail], [null, 0, 'cached']);
    assert.equal(currentPhase(record)?.expectedMs, 300);
    assert.deepEqual(
      record.phases.map(({ phase }) => phase),
      [...phases],
    );
  });

  it('shows a model load in the body of a function for as long as it lasts', () => {
    const detail = 'gpt2 (transformers.pipeline)';
    const running: RunEvent[] = [{ type: 'phase', at: 10, phase: 'running', status: 'started' }];
    const loading: RunEvent[] = [
      ...running,
      { type: 'phase', at: 20, phase: 'model-load', status: 'started', detail },
      { type: 'phase', at: 20, phase: 'running', status: 'progress', detail: `loading ${detail}` },
    ];
    const loaded: RunEvent[] = [
      ...loading,
      { type: 'phase', at: 90, phase: 'model-load', status: 'progress', ms: 70, paused: true },
    ];
    const again: RunEvent[] = [
      ...loaded,
      { type: 'phase', at: 95, phase: 'model-load', status: 'progress', detail: 'b.pt' },
    ];
    const shown = [running, loading, loaded, again].map((events) => {
      const phase = currentPhase(after(events));
      return `${phase?.phase}: ${phase?.detail}`;
    });
    assert.deepEqual(shown, [
      'running: null',
      `model-load: ${detail}`,
      `running: loading ${detail}`,
      'model-load: b.pt',
    ]);
  });

  it('keeps a detail and the expectation through later events of the phase', () => {
    const record = after([
      {
        type: 'phase',
        at: 1,
        phase: 'model-load',
        status: 'started',
        expectedMs: 9,
        detail: 'gpt2',
      },
      { type: 'phase', at: 5, phase: 'model-load', status: 'done', ms: 4 },
    ]);
    const load = record.phases.find(({ phase }) => phase === 'model-load');
    assert.deepEqual([load?.detail, load?.expectedMs, load?.ms], ['gpt2', 9, 4]);
  });

  it('never changes the record it was given', () => {
    const before = newRunRecord('run-0000000001', 'app.py', 'f', 1000);
    const copy = structuredClone(before);
    applyRunEvent(before, sample(1, 5));
    applyRunEvent(before, { type: 'phase', at: 1, phase: 'queued', status: 'done', ms: 1 });
    applyRunEvent(before, { type: 'yield', at: 1, index: 0, item: { value: 1 } });
    assert.deepEqual(before, copy);
  });

  it('keeps memory samples bounded, in order, with the newest and the true peak', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 3000 }), (used) => {
        const record = after(used.map((bytes, index) => sample(index, bytes)));
        assert.ok(record.memory.length <= 600);
        assert.equal(record.memory.at(-1)?.usedBytes, used.at(-1));
        assert.equal(record.peakBytes['host'], Math.max(...used));
        const times = record.memory.map(({ at }) => at);
        assert.deepEqual(
          times,
          [...times].sort((a, b) => a - b),
        );
      }),
      { numRuns: 20 },
    );
  });

  it('keeps the peak of each phase, for the phase that was current', () => {
    const record = after([
      { type: 'phase', at: 1, phase: 'running', status: 'started' },
      sample(2, 5),
      { type: 'phase', at: 3, phase: 'model-load', status: 'started' },
      { ...sample(4, 7), peakBytes: 99 },
      sample(5, 6),
      sample(6, 3, 'L4 0'),
      { type: 'phase', at: 7, phase: 'model-load', status: 'progress', paused: true },
      sample(8, 9),
      { type: 'phase', at: 9, phase: 'model-load', status: 'done', ms: 4 },
      { type: 'phase', at: 9, phase: 'running', status: 'done', ms: 4 },
      sample(10, 20),
    ]);
    const peaks = record.phases
      .filter(({ peakBytes }) => Object.keys(peakBytes).length > 0)
      .map(({ phase, peakBytes }) => [phase, peakBytes]);
    assert.deepEqual(peaks, [
      ['model-load', { host: 7, 'L4 0': 3 }],
      ['running', { host: 9 }],
    ]);
  });

  it('keeps each device’s peak apart', () => {
    const record = after([sample(1, 5), { ...sample(2, 3, 'cuda:0'), peakBytes: 9 }]);
    assert.deepEqual(record.peakBytes, { host: 5, 'cuda:0': 9 });
  });

  it('ends with result or error, cost, gaps and the count of lines', () => {
    const record = after([
      { type: 'container', at: 1, container: 'c1', warm: true, device: 'cpu', gpu: null },
      { type: 'attempt', at: 2, attempt: 2, reason: 'the runner was killed' },
      { type: 'calls', at: 3, done: 1, failed: 1, total: 2 },
      { type: 'log-gap', at: 4, afterSeq: 7, lines: 3, reason: 'cap' },
      { type: 'cost', at: 5, seconds: 1.5, gpu: null, usd: 0 },
      { type: 'error', at: 6, error: { kind: 'user', message: 'boom', traceback: [] } },
      { type: 'ended', at: 7, status: 'failed', ms: 6, lines: 7 },
    ]);
    assert.deepEqual(
      [record.status, record.ms, record.lines, record.attempt, record.warm, record.container],
      ['failed', 6, 7, 2, true, 'c1'],
    );
    assert.deepEqual(record.gaps, [{ afterSeq: 7, lines: 3, reason: 'cap' }]);
    assert.equal(record.error?.message, 'boom');
    assert.equal(record.cost?.seconds, 1.5);
    assert.deepEqual(record.calls, { done: 1, failed: 1, total: 2 });
    assert.equal(currentPhase(record), undefined);
  });

  it('says where debugging stands, and keeps what the runner is', () => {
    const runner = { root: '/box/app', python: '3.11.2', debugpy: '1.8.22', pid: 7 };
    const waiting: RunEvent = { type: 'debug', at: 1, state: 'waiting', ...runner };
    const stopped: RunEvent = { type: 'debug', at: 2, state: 'stopped', reason: 'breakpoint' };
    assert.equal(after([]).debug, null);
    assert.deepEqual(after([waiting]).debug, { state: 'waiting', ...runner });
    assert.deepEqual(after([waiting, stopped]).debug, {
      state: 'stopped',
      reason: 'breakpoint',
      ...runner,
    });
    const { debug } = after([waiting, stopped, { type: 'debug', at: 3, state: 'running' }]);
    assert.deepEqual(debug, { state: 'running', ...runner });
  });
});
