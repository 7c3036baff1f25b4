import assert from 'node:assert/strict';
import { latencyOf, startedCold } from '../../runtime/protocol/latency';
import { applyRunEvent, newRunRecord, type RunRecord } from '../../runtime/protocol/runRecord';
import type { Phase, PhaseStatus } from '../../runtime/protocol/phaseOrder';

type Step = [phase: Phase, status: PhaseStatus, ms?: number];

const record = (steps: readonly Step[], change: Partial<RunRecord> = {}): RunRecord => ({
  ...steps.reduce(
    (before, [phase, status, ms]) =>
      applyRunEvent(before, {
        type: 'phase',
        at: 1,
        phase,
        status,
        ...(ms === undefined ? {} : { ms }),
      }),
    newRunRecord('run-1', 'a.py', 'f', 0),
  ),
  ...change,
});

const skipped: Step[] = (['provisioning', 'image', 'container', 'imports'] as const).map(
  (phase) => [phase, 'skipped'],
);

describe('the latency of a call', () => {
  it('divides into queue, cold start with its parts, execution, and what lies between', () => {
    const cold = record(
      [
        ['queued', 'done', 5],
        ['provisioning', 'done', 10],
        ['image', 'skipped'],
        ['container', 'done', 300],
        ['imports', 'done', 200],
        ['model-load', 'done', 400],
        ['running', 'done', 50],
      ],
      { ms: 970, warm: false },
    );
    assert.deepEqual(latencyOf(cold), {
      queueMs: 5,
      coldStartMs: 910,
      coldParts: [
        { phase: 'provisioning', ms: 10 },
        { phase: 'container', ms: 300 },
        { phase: 'imports', ms: 200 },
        { phase: 'model-load', ms: 400 },
      ],
      executionMs: 50,
      totalMs: 970,
      otherMs: 5,
    });
    assert.equal(startedCold(cold), true);
  });

  it('has no cold start in a warm container that has the code', () => {
    const steps: Step[] = [['queued', 'done', 1], ...skipped, ['model-load', 'skipped']];
    const warm = record([...steps, ['running', 'done', 9]], { ms: 10, warm: true });
    assert.equal(latencyOf(warm).coldStartMs, 0);
    assert.equal(startedCold(warm), false);
    const reloaded = record([...steps, ['imports', 'done', 30]], { warm: true });
    assert.equal(startedCold(reloaded), true);
  });

  it('is unknown for what has not happened, or never did', () => {
    const waiting = latencyOf(record([['queued', 'started']]));
    assert.deepEqual(
      [waiting.queueMs, waiting.coldStartMs, waiting.executionMs, waiting.otherMs],
      [null, null, null, null],
    );
    const running = record([['queued', 'done', 1], ...skipped, ['running', 'started']]);
    assert.deepEqual([latencyOf(running).coldStartMs, latencyOf(running).executionMs], [0, null]);
    const never = record(
      [
        ['queued', 'done', 1],
        ['running', 'skipped'],
      ],
      { ms: 3 },
    );
    assert.equal(latencyOf(never).executionMs, null);
    assert.equal(startedCold(record([])), null);
  });
});
