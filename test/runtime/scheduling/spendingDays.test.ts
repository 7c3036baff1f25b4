import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { UsageKind } from '../../../runtime/protocol/metering';
import { systemClock, type Clock } from '../../../runtime/scheduling/clock';
import { Harness } from './harness';

const HOUR = 3_600_000;
/** Sixty cents an hour: what the machine takes in between is no hundredth of a cent. */
const PRICES = { date: '2026-11-24', currency: 'USD', cpuUsdPerHour: 0.6, gpus: [] };
/** How long a container's idle time may be before it is written down, in ms. */
const SETTLE_MS = HOUR;

const APP = `
import os, time
import velar

app = velar.App("days")

@app.function(timeout=600000, scaledown_window=600000)
def wait(file):
    print("begun", flush=True)
    while not os.path.exists(file):
        time.sleep(0.01)
    return 1
`;

describe('a scripted day', function () {
  this.timeout(60_000);
  let harness: Harness;
  let home: string;
  /** From the real time to when the test begins, and how far it has gone on from there by itself, in ms. */
  let begins = 0;
  let ahead = 0;
  const settles = new Set<() => void>();
  const clock: Clock = {
    now: () => systemClock.now() + begins + ahead,
    monotonic: () => systemClock.monotonic() + ahead,
    timer: (ms, callback) => {
      if (ms !== SETTLE_MS) return systemClock.timer(ms, callback);
      settles.add(callback);
      return () => settles.delete(callback);
    },
  };
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'velar-test-'));
    await writeFile(join(home, 'prices.json'), JSON.stringify(PRICES));
    harness = await Harness.open({ home, clock });
  });
  after(() => harness.close());

  const rows = (kind: UsageKind): Map<string, { ms: number; usd: number }> => {
    const of = harness.service.costs.report(30).rows.filter((row) => row.kind === kind);
    return new Map(of.map(({ day, ms, usd }) => [day, { ms, usd }]));
  };

  it('costs to the cent what a calculation by hand says, each day its part', async () => {
    // Half past ten in the evening of the 23rd.
    begins = new Date(2026, 10, 23, 22, 30).getTime() - systemClock.now();
    const bundle = await harness.bundle({ 'app.py': APP });
    const file = join(home, 'go');
    const run = await harness.run(bundle, { qualname: 'wait' }, [file]);
    await run.until(
      (event) => event.type === 'phase' && event.phase === 'running' && event.status === 'started',
    );
    // Four hours later, two and a half of them after midnight: these alone are of the day's budget, which stands.
    ahead += 4 * HOUR;
    harness.service.costs.setBudget({ app: 'days', period: 'day', usd: 1.6 });
    await run.until(
      (event) => event.type === 'phase' && /^93 % of the day/.test(event.detail ?? ''),
    );
    await writeFile(file, '');
    assert.equal((await run.ended).status, 'succeeded');
    const billed = rows('running');
    assert.equal(billed.get('2026-11-23')?.usd.toFixed(2), '0.90');
    assert.equal(billed.get('2026-11-24')?.usd.toFixed(2), '1.50');
    const [budget] = harness.service.costs.budgets();
    assert.equal(budget?.spentUsd.toFixed(2), '1.50', 'the day before is not counted');

    // Idle for two days, of which a crash would lose an hour at most.
    await harness.containersUntil((all) => all[0]?.state === 'idle');
    assert.equal(settles.size, 1);
    ahead += 48 * HOUR;
    for (const settle of [...settles]) {
      settles.delete(settle);
      settle();
    }
    assert.equal(settles.size, 1, 'it goes on while the container does');
    const idle = rows('idle');
    const hours = ['24', '25', '26'].map((day) =>
      ((idle.get(`2026-11-${day}`)?.ms ?? 0) / HOUR).toFixed(1),
    );
    assert.deepEqual(hours, ['21.5', '24.0', '2.5']);
    assert.ok([...idle.values()].every(({ usd }) => usd === 0));
    const [container] = harness.service.containers();
    await harness.service.stopContainer(container?.container ?? '');
    assert.equal(settles.size, 0, 'no timer without containers');
  });
});
