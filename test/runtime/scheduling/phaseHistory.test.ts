import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunEvent } from '../../../runtime/protocol/events';
import { PhaseHistory } from '../../../runtime/scheduling/phaseHistory';
import { openStore, type Store } from '../../../runtime/store/store';

const took = (phase: 'imports' | 'running', ms: number): RunEvent => ({
  type: 'phase',
  at: 0,
  phase,
  status: 'done',
  ms,
});

describe('expected times of phases', () => {
  let home: string;
  let store: Store;
  const open = (): void => {
    store = openStore(home, (error) => {
      throw error;
    });
  };
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'velar-phases-'));
    open();
  });
  afterEach(() => {
    store.close();
    rmSync(home, { recursive: true, force: true });
  });
  const restart = (): void => {
    store.close();
    open();
  };

  it('are the median of earlier runs, also after a restart', () => {
    const history = new PhaseHistory(store.phaseTimes);
    assert.equal(history.expectedMs('f', 'imports'), undefined);
    for (const ms of [100, 900, 300]) history.add('f', [took('imports', ms)], ms);
    history.add('g', [took('running', 5)], 1);
    restart();
    const later = new PhaseHistory(store.phaseTimes);
    assert.equal(later.expectedMs('f', 'imports'), 300);
    assert.equal(later.expectedMs('f', 'running'), undefined);
    assert.equal(later.expectedMs('g', 'running'), 5);
    for (let run = 0; run < 15; run += 1) later.add('f', [took('imports', 7)], 1000);
    restart();
    assert.equal(new PhaseHistory(store.phaseTimes).expectedMs('f', 'imports'), 7);
  });

  it('are kept of so many functions only, those that ran last', () => {
    const history = new PhaseHistory(store.phaseTimes, 3);
    for (const [at, key] of ['a', 'b', 'c', 'a', 'd'].entries()) {
      history.add(key, [took('running', at)], at);
    }
    restart();
    assert.deepEqual(
      store.phaseTimes.load().map(([key]) => key),
      ['c', 'a', 'd'],
    );
  });
});
