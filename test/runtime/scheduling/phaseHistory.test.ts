import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunEvent } from '../../../runtime/protocol/events';
import { PhaseHistory } from '../../../runtime/scheduling/phaseHistory';
import { openStore, type Store } from '../../../runtime/store/store';

const took = (phase: 'imports' | 'running' | 'image', ms: number, way?: string): RunEvent => ({
  type: 'phase',
  at: 0,
  phase,
  status: 'done',
  ms,
  ...(way === undefined ? {} : { way }),
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

  it('are those of the same way of happening; what an earlier version kept is no measure, and no harm', () => {
    store.phaseTimes.save('f', { imports: [8, 8, 8], running: [5] }, 1);
    restart();
    const history = new PhaseHistory(store.phaseTimes);
    assert.equal(history.expectedMs('f', 'running'), 5);
    assert.equal(history.expectedMs('f', 'imports', 'cold'), undefined);
    history.add('f', [took('imports', 6000, 'cold'), took('image', 1, 'joined')], 2);
    for (let run = 0; run < 20; run += 1) history.add('f', [took('imports', 8, 'zygote')], 3);
    restart();
    const later = new PhaseHistory(store.phaseTimes);
    assert.equal(later.expectedMs('f', 'imports', 'cold'), 6000);
    assert.equal(later.expectedMs('f', 'imports', 'zygote'), 8);
    assert.equal(later.expectedMs('f', 'imports', 'new code'), undefined);
    assert.equal(later.expectedMs('f', 'image', 'joined'), undefined);
    assert.equal(later.expectedMs('f', 'running'), 5);
    assert.deepEqual(Object.keys(store.phaseTimes.load()[0]?.[1] ?? {}).sort(), [
      'imports: cold',
      'imports: zygote',
      'running',
    ]);
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
