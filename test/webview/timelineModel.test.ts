import assert from 'node:assert/strict';
import type { RunRecord } from '../../runtime/protocol/runRecord';
import { niceSpan, timelineOf, type TimelineRow } from '../../webview/timelineModel';
import { failedRun, gpuRun, liveRun, phaseEvents, record, START } from './support/runs';

const row = (rows: TimelineRow[], phase: string): TimelineRow => {
  const found = rows.find((candidate) => candidate.phase === phase);
  assert.ok(found);
  return found;
};

describe('the timeline of phases', () => {
  it('places the phases of an ended run end to end, on an axis as long as the run', () => {
    const { rows, spanMs, originAt } = timelineOf(gpuRun(), START + 99_999);
    assert.equal(originAt, START);
    assert.equal(spanMs, 10_990);
    assert.deepEqual(row(rows, 'container').bar, { from: 38, to: 878 });
    assert.deepEqual(row(rows, 'running').bar, { from: 8678, to: 10_988 });
    assert.equal(row(rows, 'model-load').figure, '4.62 s');
    assert.equal(row(rows, 'model-load').note, 'gpt2 (transformers.pipeline)');
  });

  it('gives a skipped phase its reason and no bar', () => {
    const image = row(timelineOf(gpuRun(), START).rows, 'image');
    assert.deepEqual(
      [image.state, image.bar, image.note, image.figure],
      ['skipped', null, 'cached', 'skipped'],
    );
  });

  it('says in words of a phase that goes on far longer than it usually does', () => {
    const note = (ms: number): string =>
      row(timelineOf(liveRun(START), START + 4_058 + ms).rows, 'model-load').note;
    assert.doesNotMatch(note(10_300), /slower/);
    assert.match(note(10_400), /^slower than usual \(usually 5\.20 s\) · /);
  });

  it('says where a debugged run stands still, and not that it is slow', () => {
    const stopped = { state: 'stopped', reason: 'breakpoint' } as const;
    const note = (debug: RunRecord['debug']): string =>
      row(timelineOf({ ...liveRun(START), debug }, START + 14_458).rows, 'model-load').note;
    assert.match(note(null), /^slower than usual/);
    assert.match(note(stopped), /^stopped at a breakpoint · /);
    assert.doesNotMatch(note({ state: 'running' }), /slower|stopped/);
  });

  it('lets the phase that is going on grow with the clock, before what is expected', () => {
    const { rows, spanMs } = timelineOf(liveRun(START), START + 6_200);
    const load = row(rows, 'model-load');
    assert.equal(load.state, 'live');
    assert.deepEqual(load.bar, { from: 4058, to: 6200 });
    assert.deepEqual(load.expected, { from: 4058, to: 9258 });
    assert.equal(load.figure, '2.1 s');
    assert.deepEqual(row(rows, 'running').expected, { from: 9258, to: 11_658 });
    assert.equal(row(rows, 'running').figure, '~2.40 s');
    assert.equal(spanMs, 15_000);
  });

  it('says which phases a failed run did not reach', () => {
    const run = record('f', [
      ...phaseEvents().slice(0, 2),
      { type: 'phase', at: START + 90, phase: 'image', status: 'failed', ms: 50 },
      { type: 'ended', at: START + 90, status: 'failed', ms: 90, lines: 0 },
    ]);
    const { rows } = timelineOf(run, START);
    assert.equal(row(rows, 'image').state, 'failed');
    assert.equal(row(rows, 'imports').figure, 'not reached');
    assert.equal(row(timelineOf(failedRun(), START).rows, 'running').figure, '720 ms');
  });

  it('counts a model loaded inside the function once, though the bar of running spans it', () => {
    const run = record('f', [
      { type: 'phase', at: START, phase: 'running', status: 'started' },
      { type: 'phase', at: START + 100, phase: 'model-load', status: 'started' },
      { type: 'phase', at: START + 600, phase: 'model-load', status: 'done', ms: 500 },
    ]);
    const live = row(timelineOf(run, START + 700).rows, 'running');
    assert.deepEqual(live.bar, { from: 0, to: 700 });
    assert.equal(live.figure, '0.2 s');
    const ended = record('f', [
      { type: 'phase', at: START, phase: 'running', status: 'started' },
      { type: 'phase', at: START + 600, phase: 'model-load', status: 'done', ms: 500 },
      { type: 'phase', at: START + 800, phase: 'running', status: 'done', ms: 300 },
      { type: 'ended', at: START + 800, status: 'succeeded', ms: 800, lines: 0 },
    ]);
    const done = row(timelineOf(ended, START).rows, 'running');
    assert.deepEqual(done.bar, { from: 0, to: 800 });
    assert.equal(done.figure, '300 ms');
  });

  it('grows its axis in steps', () => {
    assert.deepEqual([10, 990, 1400, 3100, 59_000].map(niceSpan), [1000, 1500, 1500, 5000, 75_000]);
  });
});
