import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adviceFor } from '../../../runtime/metering/advice';
import { budgetText, msToThreshold, spentOf, stateOf } from '../../../runtime/metering/budgets';
import { Meter, type ContainerUse } from '../../../runtime/metering/meter';
import { priceTable } from '../../../runtime/metering/prices';
import { partsByDay } from '../../../runtime/protocol/days';
import type { UsageRow } from '../../../runtime/protocol/metering';
import { openStore, type Store } from '../../../runtime/store/store';
import { totalUsage } from '../../../src/client/usage';

const prices = priceTable({
  date: '2026-11-24',
  currency: 'USD',
  cpuUsdPerHour: 0.05,
  gpus: [
    { name: 'L4', usdPerHour: 0.6, dedicatedUsdPerHour: 0.4 },
    { name: 'H100', usdPerHour: 3.6 },
  ],
});

/** Noon of a day in November, in this machine's time zone. */
const noonOf = (day: number): number => new Date(2026, 10, day, 12).getTime();

describe('what containers are used for', () => {
  const home = mkdtempSync(join(tmpdir(), 'velar-usage-'));
  let store: Store;
  let now = noonOf(23);
  let write: (() => void) | undefined;
  const clock = {
    now: () => now,
    timer: (_ms: number, callback: () => void) => {
      write = callback;
      return () => (write = undefined);
    },
  };
  const open = (): Meter => {
    store = openStore(home, (error) => {
      throw error;
    });
    return new Meter({ usage: store.usage, prices, clock });
  };
  after(() => {
    rmSync(home, { recursive: true });
  });

  it('costs to the cent what a calculation by hand says, over a restart, idle time left out', () => {
    const train: ContainerUse = {
      app: 'demo',
      function: 'train',
      gpu: 'H100',
      cards: 2,
      kind: 'running',
    };
    const chat: ContainerUse = {
      app: 'demo',
      function: 'chat',
      gpu: 'L4',
      cards: 1,
      kind: 'running',
    };
    const prepare: ContainerUse = {
      app: 'etl',
      function: 'prepare',
      gpu: null,
      cards: 0,
      kind: 'running',
    };
    let meter = open();
    meter.add({ ...train, kind: 'imports' }, 12_000);
    meter.add({ ...train, kind: 'model-load' }, 48_000);
    meter.add(train, 30 * 60_000);
    for (let call = 0; call < 1000; call += 1) meter.add(chat, 250.5);
    meter.add({ ...chat, function: '', kind: 'idle' }, 3_600_000);
    meter.add({ ...chat, function: '', kind: 'starting' }, 4000);
    assert.ok(write !== undefined, 'it is written down soon');
    write();
    store.close();
    meter = open();
    meter.add(chat, 1_000_000);
    now = noonOf(24);
    meter.add(prepare, 2 * 3_600_000);
    meter.flush();

    const rows = store.usage.rows('2026-11-01', '2026-11-30');
    const usdOn = (day: string): number =>
      rows.filter((row) => row.day === day).reduce((sum, { usd }) => sum + usd, 0);
    // Train: 31 minutes of two H100 at 3.60 an hour. Chat: 250.5 s and 1000 s of an L4 at 0.60 an hour.
    const byHand = (31 / 60) * 2 * 3.6 + ((250.5 + 1000) / 3600) * 0.6;
    assert.ok(Math.abs(usdOn('2026-11-23') - byHand) < 1e-9, `${usdOn('2026-11-23')} ${byHand}`);
    assert.equal(usdOn('2026-11-23').toFixed(2), '3.93');
    assert.equal(usdOn('2026-11-24').toFixed(2), '0.10');
    const functions = totalUsage(rows, 'function');
    assert.deepEqual(
      functions.map(({ name, workedMs }) => [name, workedMs]),
      [
        ['demo.train', 1_860_000],
        ['demo.chat', 1_250_500],
        ['etl.prepare', 7_200_000],
        ['demo (deploys, idle)', 0],
      ],
    );
    assert.deepEqual(functions.at(-1)?.ms, { idle: 3_600_000, starting: 4000 });
    assert.deepEqual(
      totalUsage(rows, 'gpu').map(({ name }) => name),
      ['H100:2', 'L4', 'CPU'],
    );
    assert.deepEqual([...store.usage.spent('2026-11-24', '2026-11-24').keys()], ['etl']);
    store.close();
  });
});

describe('time across midnight', () => {
  const midnight = new Date(2026, 10, 24).getTime();
  const hour = 3_600_000;

  it('is cut there, and at each further midnight', () => {
    assert.deepEqual(partsByDay(3 * hour, midnight + hour), [
      { day: '2026-11-23', ms: 2 * hour },
      { day: '2026-11-24', ms: hour },
    ]);
    assert.deepEqual(partsByDay(hour, midnight), [{ day: '2026-11-23', ms: hour }]);
    const week = partsByDay(7 * 24 * hour, midnight);
    assert.deepEqual(
      [week.length, week[0]?.day, week.at(-1)?.day],
      [7, '2026-11-17', '2026-11-23'],
    );
    assert.deepEqual(partsByDay(0, midnight), []);
  });
});

describe('advice', () => {
  const row: UsageRow = {
    day: '2026-11-23',
    app: 'demo',
    function: 'chat',
    gpu: 'L4',
    cards: 1,
    kind: 'running',
    ms: 0,
    usd: 0,
  };
  const used = (hours: number): UsageRow => ({ ...row, ms: hours * 3_600_000, usd: hours * 0.6 });

  it('compares what was billed with cards around the clock', () => {
    const [little] = adviceFor([used(6)], 2, prices, new Map());
    assert.equal(little?.utilisation, 6 / 48);
    assert.equal(little.billedUsd.toFixed(2), '3.60');
    assert.equal(little.dedicatedUsd.toFixed(2), '19.20');
    assert.match(
      little.text,
      /^L4 worked 13 % of these 2 days.*3\.60 USD.*19\.20 USD; by the second costs less/,
    );
    const [much] = adviceFor([used(40)], 2, prices, new Map());
    assert.match(much?.text ?? '', /dedicated one would have cost less/);
  });

  it('compares with as many cards as worked at once, so that none is worked beyond its time', () => {
    // Five cards, each busy all day in a container of its own.
    const [five] = adviceFor([used(120)], 1, prices, new Map([['L4', 5]]));
    assert.equal(five?.utilisation, 1);
    assert.equal(five.dedicatedUsd.toFixed(2), '48.00');
    assert.match(five.text, /^L4:5 worked 100 % of this day.*48\.00 USD; dedicated ones would/);
    // They were needed at once, though all the rest of the day was quiet.
    const [burst] = adviceFor([used(12)], 1, prices, new Map([['L4', 5]]));
    assert.equal(burst?.utilisation, 0.1);
    // Of days of which no peak is known: no fewer than the hours take.
    const [unknown] = adviceFor([used(120)], 1, prices, new Map());
    assert.equal(unknown?.utilisation, 1);
  });

  it('is not given without a price, or for the CPU', () => {
    assert.deepEqual(
      adviceFor(
        [
          { ...used(6), gpu: 'T4' },
          { ...used(1), gpu: null },
        ],
        1,
        prices,
        new Map(),
      ),
      [],
    );
  });
});

describe('budgets', () => {
  const budget = { app: 'demo', period: 'day' as const, usd: 10 };
  const stored = new Map([
    ['demo', 6],
    ['other', 100],
  ]);
  const going = [
    { app: 'demo', usd: 1, usdPerHour: 2 },
    { app: 'other', usd: 5, usdPerHour: 50 },
  ];

  it('count what is stored and what goes on, of their app or of all', () => {
    assert.equal(spentOf(budget, stored, going), 7);
    assert.equal(spentOf({ app: null }, stored, going), 112);
  });

  it('warn from four fifths on and are spent at their end', () => {
    assert.equal(stateOf(budget, 7.99).state, 'ok');
    assert.equal(stateOf(budget, 8).state, 'warned');
    assert.equal(stateOf(budget, 10).state, 'spent');
    assert.equal(
      budgetText(stateOf(budget, 8.5)),
      '85 % of the day’s budget of 10.00 USD for the app demo is spent',
    );
  });

  it('say when the next threshold is reached at the present rate', () => {
    assert.equal(msToThreshold(budget, 7, going), 0.5 * 3_600_000);
    assert.equal(msToThreshold(budget, 9, going), 0.5 * 3_600_000);
    assert.equal(msToThreshold(budget, 10, going), Infinity);
    assert.equal(msToThreshold(budget, 7, []), Infinity);
  });
});
