import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addUsage, costOf } from '../../../runtime/metering/cost';
import { loadPrices, priceTable } from '../../../runtime/metering/prices';

const SHIPPED = join(process.cwd(), 'runtime', 'python');
const prices = priceTable({
  date: '2026-01-01',
  currency: 'USD',
  gpus: [
    { name: 'L4', usdPerHour: 0.6 },
    { name: 'T4', usdPerHour: null },
  ],
});

describe('cost', () => {
  it('is seconds times rate times cards, and says where the rate comes from', () => {
    const cost = costOf({ busyMs: 30_000, gpu: 'L4', count: 2 }, prices);
    assert.ok(Math.abs(cost.usd - 0.01) < 1e-12);
    assert.equal(cost.seconds, 30);
    assert.equal(cost.gpu, 'L4:2');
    assert.match(cost.note ?? '', /0\.60 USD.*2026-01-01/);
  });

  it('on CPU is nothing, and says so', () => {
    const cost = costOf({ busyMs: 1500, gpu: null, count: 0 }, prices);
    assert.deepEqual([cost.usd, cost.gpu, cost.seconds], [0, null, 1.5]);
    assert.match(cost.note ?? '', /not billed/);
  });

  it('is not invented for a card without a price', () => {
    for (const gpu of ['T4', 'Unheard']) {
      const cost = costOf({ busyMs: 1000, gpu, count: 1 }, prices);
      assert.equal(cost.usd, 0);
      assert.match(cost.note ?? '', /no price known/);
    }
  });

  it('adds up over the calls of a run', () => {
    const total = [10, 20, 30].reduce(
      (sum, busyMs) => addUsage(sum, { busyMs, gpu: 'L4', count: 1 }),
      { busyMs: 0, gpu: null as string | null, count: 0 },
    );
    assert.deepEqual(total, { busyMs: 60, gpu: 'L4', count: 1 });
  });
});

describe('prices', () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'velar-prices-'));
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  it('come with the SDK', async () => {
    assert.equal((await loadPrices(home, SHIPPED)).usdPerHour('l4'), 0.59);
  });

  it('can be overridden in the home, and a broken list is named', async () => {
    const file = join(home, 'prices.json');
    const own = { date: '2027-01-01', currency: 'USD', gpus: [{ name: 'L4', usdPerHour: 1 }] };
    await writeFile(file, JSON.stringify(own));
    assert.equal((await loadPrices(home, SHIPPED)).usdPerHour('L4'), 1);
    await writeFile(file, '{"date":1}');
    await assert.rejects(loadPrices(home, SHIPPED), (error: Error) => error.message.includes(file));
  });
});
