import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import type { RunEvent } from '../../../runtime/protocol/events';
import { dispensable, heldBy, usingPlaces, type Holder } from '../../../runtime/scheduling/room';
import { madeUpCards, startCall, startDeploy, startMove, succeeded } from './deploying';
import { containerOf, Harness, valueOf } from './harness';

const says =
  (text: RegExp) =>
  (event: RunEvent): boolean =>
    event.type === 'phase' && event.status !== 'done' && text.test(event.detail ?? '');

const named = (name: string, options: string, value: unknown = name): Record<string, string> => ({
  'app.py': [
    'import os, time, velar',
    `app = velar.App("${name}")`,
    `@app.function(${options})`,
    'def f(gate=None):',
    '    while gate and not os.path.exists(gate):',
    '        time.sleep(0.01)',
    `    return ${JSON.stringify(value)}`,
  ].join('\n'),
});

describe('containers of production', function () {
  this.timeout(120_000);
  let harness: Harness;
  beforeEach(async () => {
    harness = await Harness.open({ gpus: madeUpCards('L4') });
  });
  afterEach(() => harness.close());

  const only = async (): Promise<string> => {
    const [found] = await harness.containersUntil(
      (all) => all.length === 1 && all[0]?.state === 'idle',
    );
    return found?.container ?? '';
  };

  it('are not ended for staging or a run from an editor, which say whom the card is kept for', async () => {
    await succeeded(
      await startDeploy(harness, named('shop', 'gpu="L4", min_containers=1'), 'production'),
    );
    const kept = await only();
    const staging = await startDeploy(harness, named('shop', 'gpu="L4"', 2), 'staging');
    const run = await harness.run(await harness.bundle(named('other', 'gpu="L4"')), {
      qualname: 'f',
    });
    const why = /waiting for a free L4: kept warm for production of shop; \d\w\w in line/;
    await Promise.all([staging.until(says(why)), run.until(says(why))]);
    const call = await succeeded(await startCall(harness, 'shop', 'production', 'f'));
    assert.deepEqual(containerOf(call), { container: kept, warm: true });
    harness.service.cancel(staging.id);
    harness.service.cancel(run.id);
    await Promise.all([staging.ended, run.ended]);
    assert.equal(await only(), kept);
  });

  it('that nobody keeps stay for their window, and then the card goes to who waits', async () => {
    await succeeded(
      await startDeploy(harness, named('shop', 'gpu="L4", scaledown_window=2'), 'production'),
    );
    const run = await harness.run(await harness.bundle(named('other', 'gpu="L4"')), {
      qualname: 'f',
    });
    await run.until(says(/kept warm for production of shop/));
    await succeeded(run);
  });

  it('take the card of what is idle elsewhere, when they are to be kept', async () => {
    const other = await harness.run(
      await harness.bundle(named('other', 'gpu="L4", min_containers=1')),
      { qualname: 'f' },
    );
    await succeeded(other);
    await only();
    await succeeded(
      await startDeploy(harness, named('shop', 'gpu="L4", min_containers=1'), 'production'),
    );
    await harness.containersUntil((all) => all.length === 1 && all[0]?.app === 'shop');
    // One that a person runs has the card next; production gets it back without being called.
    const before = await only();
    const pid = harness.service.containers()[0]?.pid ?? 0;
    const gate = join(harness.home, 'gate');
    const waiting = await harness.run(
      await harness.bundle(named('other', 'gpu="L4"')),
      { qualname: 'f' },
      [gate],
    );
    await waiting.until(says(/kept warm for production/));
    process.kill(pid, 'SIGKILL');
    await waiting.until((event) => event.type === 'phase' && event.phase === 'running');
    await writeFile(gate, '');
    await succeeded(waiting);
    await harness.containersUntil(
      (all) => all.length === 1 && all[0]?.app === 'shop' && all[0].state === 'idle',
    );
    assert.notEqual(await only(), before);
  });

  it('make room for another version of their app, and no call is lost', async () => {
    const version = (value: number): Record<string, string> =>
      named('shop', 'gpu="L4", min_containers=1, scaledown_window=0', value);
    await succeeded(await startDeploy(harness, version(1), 'production'));
    await succeeded(await startDeploy(harness, version(2), 'production'));
    await succeeded(startMove(harness, 'shop', 'production', 1, 'rollback'));
    const calls: Promise<unknown>[] = [];
    const going = startMove(harness, 'shop', 'production', 2, 'rollback');
    for (let count = 0; count < 5; count += 1) {
      calls.push(startCall(harness, 'shop', 'production', 'f').then(succeeded).then(valueOf));
    }
    await succeeded(going);
    calls.push(startCall(harness, 'shop', 'production', 'f').then(succeeded).then(valueOf));
    assert.deepEqual(await Promise.all(calls), [1, 1, 1, 1, 1, 2]);
  });
});

describe('places for containers', function () {
  this.timeout(180_000);

  it('are not taken from the rest by what stands ready for production, nor from production by the rest', async () => {
    // Of eight places that there are at least, production keeps eight containers.
    const harness = await Harness.open({ gpus: madeUpCards(), cores: 1 });
    try {
      const functions = Array.from({ length: 8 }, (_, number) => [
        `@app.function(min_containers=1, env={"NUMBER": "${number}"})`,
        `def f${number}():`,
        `    return ${number}`,
      ]).flat();
      const files = {
        'app.py': ['import velar', 'app = velar.App("shop")', ...functions].join('\n'),
      };
      await succeeded(await startDeploy(harness, files, 'production'));
      const kept = await harness.containersUntil(
        (all) => all.length === 8 && all.every(({ state }) => state === 'idle'),
      );
      const run = await harness.run(await harness.bundle(named('other', '')), { qualname: 'f' });
      await succeeded(run);
      const left = harness.service.containers().map(({ container }) => container);
      for (const { container } of kept) assert.ok(left.includes(container));
    } finally {
      await harness.close();
    }
  });
});

describe('who makes room for whom', () => {
  const environment = fc.constantFrom('staging' as const, 'production' as const, undefined);
  const holders = fc.array(
    fc.record({
      idle: fc.boolean(),
      blocked: fc.boolean(),
      free: fc.boolean(),
      kept: fc.boolean(),
      idleSince: fc.nat(100),
      app: fc.constantFrom('a', 'b'),
      environment,
    }),
    { maxLength: 12 },
  );
  const asking = environment.map((each) => (each === undefined ? {} : { environment: each }));
  type Made = Holder & { free: boolean; kept: boolean; idleSince: number };
  const made = holders.map((all) =>
    all.map(({ app, environment: where, ...rest }): Made => ({
      ...rest,
      origin: where === undefined ? { app } : { app, environment: where },
    })),
  );

  it('is never production for the rest; and what nobody keeps goes first', () => {
    fc.assert(
      fc.property(asking, made, (who, all) => {
        const found = dispensable(who, all, (holder) => holder);
        if (found === undefined) return;
        assert.ok(found.free);
        if (found.origin.environment === 'production') assert.equal(who.environment, 'production');
        if (!found.kept) return;
        const others = all.filter((each) => each.free && !each.kept);
        assert.ok(others.every(({ origin }) => origin.environment === 'production'));
        if (who.environment === 'production') assert.deepEqual(others, []);
      }),
    );
  });

  it('counts what production keeps ready for production only', () => {
    fc.assert(
      fc.property(made, (all) => {
        const working = all.filter(({ blocked }) => !blocked);
        assert.deepEqual(usingPlaces({ environment: 'production' }, all), working);
        const idle = working.filter(
          (each) => each.idle && each.origin.environment === 'production',
        );
        assert.equal(usingPlaces({}, all).length, working.length - idle.length);
      }),
    );
  });

  it('is said of those who hold it', () => {
    const holder = (app: string, idle: boolean, production: boolean): Holder => ({
      idle,
      blocked: false,
      origin: production ? { app, environment: 'production' } : { app },
    });
    const all = [holder('a', false, true), holder('b', true, true), holder('c', true, false)];
    assert.equal(heldBy({}, all), 'in use by a, c; kept warm for production of b');
    assert.equal(heldBy({ environment: 'production' }, all), 'in use by a, b, c');
    assert.equal(heldBy({}, []), 'others are before it');
  });
});
