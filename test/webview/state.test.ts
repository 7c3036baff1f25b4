import assert from 'node:assert/strict';
import { applyRunEvent } from '../../runtime/protocol/runRecord';
import { runtimeNow } from '../../webview/clock';
import { emptyState, isRunsMessage, reduce } from '../../webview/state';
import { gpuRun, failedRun, lines, liveRun, runtime, snapshot, START } from './support/runs';

describe('the panel’s state', () => {
  it('takes everything from a snapshot', () => {
    const run = gpuRun();
    const message = snapshot(run, { log: lines(['a']), dropped: 3, others: [failedRun()] });
    const { state, log } = reduce(emptyState, message, START);
    assert.equal(state.selected, run);
    assert.equal(state.runs.length, 2);
    assert.deepEqual(log, { kind: 'replace', lines: lines(['a']), dropped: 3 });
  });

  it('follows the selected run and leaves it selected when another one changes', () => {
    const selected = gpuRun();
    const other = failedRun();
    const before = reduce(emptyState, snapshot(selected, { others: [other] }), START).state;
    const changed = { ...other, lines: 99 };
    const after = reduce(before, { type: 'record', record: changed }, START).state;
    assert.equal(after.selected, selected);
    assert.equal(after.runs[1]?.lines, 99);
    const next = reduce(after, { type: 'record', record: { ...selected, lines: 7 } }, START).state;
    assert.equal(next.selected?.lines, 7);
  });

  it('shows a first run that no snapshot announced', () => {
    const before = reduce(emptyState, snapshot(null), START).state;
    const { state, log } = reduce(before, { type: 'record', record: gpuRun() }, START);
    assert.equal(state.selected?.qualname, 'generate');
    assert.equal(log.kind, 'replace');
  });

  it('takes log lines of the selected run only', () => {
    const run = gpuRun();
    const { state } = reduce(emptyState, snapshot(run), START);
    const batch = { type: 'log', lines: lines(['x']), dropped: 0 } as const;
    assert.equal(reduce(state, { ...batch, run: run.run }, START).log.kind, 'append');
    assert.equal(reduce(state, { ...batch, run: 'run-other' }, START).log.kind, 'keep');
  });

  it('takes runtime and containers as they come', () => {
    const off = { ...runtime, state: 'off' as const };
    assert.equal(reduce(emptyState, { type: 'runtime', runtime: off }, 0).state.runtime, off);
    const { state } = reduce(emptyState, { type: 'containers', containers: [] }, 0);
    assert.deepEqual(state.containers, []);
  });

  it('knows its messages from other traffic of the page', () => {
    assert.equal(isRunsMessage({ type: 'containers', containers: [] }), true);
    for (const other of [null, 'snapshot', {}, { type: 'toString' }, { type: 'ready' }]) {
      assert.equal(isRunsMessage(other), false);
    }
  });
});

describe('the clock of a run on a machine whose clock is wrong', () => {
  const pageNow = START + 1_000_000;

  it('counts from what came live, not from the page’s own time', () => {
    // The page's clock is an hour ahead of the runtime's.
    const skew = 3_600_000;
    const run = liveRun(pageNow - skew - 6_200);
    const event = {
      type: 'memory' as const,
      at: pageNow - skew,
      device: 'cuda:0',
      usedBytes: 1,
      totalBytes: null,
      source: 'nvml' as const,
    };
    const before = reduce(emptyState, snapshot(run), pageNow).state;
    const record = applyRunEvent(run, event);
    const { clock } = reduce(before, { type: 'record', record }, pageNow + 20).state;
    assert.equal(runtimeNow(clock, pageNow + 1_020) - event.at, 1_000);
  });

  it('trusts a snapshot for the past, so that a run seen again late shows its true age', () => {
    const run = liveRun(pageNow - 60_000);
    const { clock } = reduce(emptyState, snapshot(run), pageNow).state;
    assert.equal(runtimeNow(clock, pageNow), pageNow);
  });

  it('never runs behind what the runtime has said', () => {
    const run = liveRun(pageNow + 50_000);
    const { clock } = reduce(emptyState, snapshot(run), pageNow).state;
    assert.ok(runtimeNow(clock, pageNow) >= pageNow + 50_000);
  });
});
