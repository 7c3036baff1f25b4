import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { processesOf } from '../../../runtime/engines/leftovers';
import type { Container } from '../../../runtime/protocol/methods';
import { app, containerOf, Harness, phaseEnds, valueOf, type WatchedRun } from './harness';

const all = (state: Container['state'], count: number) => (containers: Container[]) =>
  containers.length === count && containers.every((each) => each.state === state);
const none = (containers: Container[]): boolean => containers.length === 0;
const idle = (containers: readonly Container[]): Container[] =>
  containers.filter((each) => each.state === 'idle');

describe('scaling', function () {
  this.timeout(120_000);
  let harness: Harness;
  beforeEach(async () => {
    harness = await Harness.open();
  });
  afterEach(() => harness.close());

  /** A function that works until the file of its number is there. */
  const gated = (options: string, more = ''): Record<string, string> =>
    app(
      [
        'import os, time',
        `GATES = ${JSON.stringify(harness.home)}`,
        `@app.function(${options})`,
        'def f(number):',
        '    while not os.path.exists(os.path.join(GATES, f"gate-{number}")):',
        '        time.sleep(0.01)',
        `    return number${more}`,
      ].join('\n'),
    );
  const openGate = (number: number): Promise<void> =>
    writeFile(join(harness.home, `gate-${number}`), '');
  const working = (run: WatchedRun): Promise<unknown> =>
    run.until((event) => event.type === 'phase' && event.phase === 'running');

  it('brings min_containers up at the first use, keeps them, and takes changed code into them', async () => {
    await openGate(0);
    const first = await harness.run(
      await harness.bundle(gated('min_containers=3, max_containers=3, scaledown_window=0')),
      { qualname: 'f' },
      [0],
    );
    const brought = await harness.containersUntil(all('idle', 3));
    assert.deepEqual(
      brought.map((each) => each.idleUntil),
      [null, null, null],
    );
    await first.ended;

    const changed = await harness.bundle(
      gated('min_containers=3, max_containers=3, scaledown_window=0', ' + 100'),
    );
    const second = await harness.run(changed, { qualname: 'f' }, [0]);
    await second.ended;
    await harness.containersUntil(all('idle', 3));
    assert.deepEqual(
      new Set(harness.service.containers().map((each) => each.container)),
      new Set(brought.map((each) => each.container)),
    );
    // All three at once, and none has to import anything: the new code is in each of them.
    const runs = await Promise.all(
      [1, 2, 3].map((number) => harness.run(changed, { qualname: 'f' }, [number])),
    );
    await Promise.all(runs.map(working));
    await Promise.all([1, 2, 3].map(openGate));
    await Promise.all(runs.map((run) => run.ended));
    assert.deepEqual(runs.map(valueOf), [101, 102, 103]);
    assert.equal(new Set(runs.map((run) => containerOf(run).container)).size, 3);
    for (const run of runs) assert.ok(phaseEnds(run).includes('imports skipped'));
  });

  it('lets kept containers go when a new version of the code wants none', async () => {
    await openGate(0);
    const keeping = await harness.bundle(gated('min_containers=2, scaledown_window=0'));
    await harness.run(keeping, { qualname: 'f' }, [0]);
    const kept = await harness.containersUntil(all('idle', 2));
    const letting = await harness.bundle(gated('scaledown_window=0', ' + 1'));
    const run = await harness.run(letting, { qualname: 'f' }, [0]);
    await run.ended;
    await harness.containersUntil(none);
    for (const { container } of kept) assert.deepEqual(await processesOf(container), []);
  });

  it('brings up another kept container when one dies', async () => {
    await openGate(0);
    const bundle = await harness.bundle(gated('min_containers=1'));
    const run = await harness.run(bundle, { qualname: 'f' }, [0]);
    await run.ended;
    const [before] = await harness.containersUntil(all('idle', 1));
    process.kill(before?.pid ?? 0, 'SIGKILL');
    const [after] = await harness.containersUntil(
      (containers) => all('idle', 1)(containers) && containers[0]?.container !== before?.container,
    );
    assert.notEqual(after?.container, before?.container);
  });

  it('brings none up again that a person stopped, until the function is used again', async () => {
    await openGate(0);
    const bundle = await harness.bundle(gated('min_containers=1'));
    await (
      await harness.run(bundle, { qualname: 'f' }, [0])
    ).ended;
    const [kept] = await harness.containersUntil(all('idle', 1));
    await harness.service.stopContainer(kept?.container ?? '');
    assert.deepEqual(harness.service.containers(), []);
    await (
      await harness.run(bundle, { qualname: 'f' }, [0])
    ).ended;
    await harness.containersUntil(all('idle', 1));
  });

  it('holds buffer_containers idle beyond the busy ones, up to max_containers, and drops them', async () => {
    const bundle = await harness.bundle(
      gated('buffer_containers=1, max_containers=3, scaledown_window=1'),
    );
    const busyAnd = (busy: number, spare: number) => (containers: Container[]) =>
      idle(containers).length === spare && containers.length === busy + spare;
    const runs: WatchedRun[] = [];
    for (const [number, spare] of [
      [1, 1],
      [2, 1],
      [3, 0],
    ] as const) {
      const run = await harness.run(bundle, { qualname: 'f' }, [number]);
      await working(run);
      const held = await harness.containersUntil(busyAnd(number, spare));
      assert.ok(idle(held).every((each) => each.idleUntil === null));
      runs.push(run);
    }
    const names = harness.service.containers().map((each) => each.container);
    await Promise.all([1, 2, 3].map(openGate));
    await Promise.all(runs.map((run) => run.ended));
    await harness.containersUntil(none);
    for (const name of names) assert.deepEqual(await processesOf(name), []);
  });

  it('spreads a map over max_containers, and goes back to none without a process left', async () => {
    // The last inputs wait until as many containers are at work as are allowed.
    const bundle = await harness.bundle(
      app(
        [
          'import os, time',
          `SEEN = ${JSON.stringify(join(harness.home, 'seen'))}`,
          'os.makedirs(SEEN, exist_ok=True)',
          '@app.function(max_containers=4, scaledown_window=1)',
          'def work(x):',
          '    open(os.path.join(SEEN, os.environ["VELAR_CONTAINER_ID"]), "w").close()',
          '    time.sleep(0.02)',
          '    while x >= 150 and len(os.listdir(SEEN)) < 4:',
          '        time.sleep(0.01)',
          '    return x',
          '@app.function(scaledown_window=1)',
          'def f():',
          '    return [sum(work.map(range(200))), os.environ["VELAR_CONTAINER_ID"] in os.listdir(SEEN)]',
        ].join('\n'),
      ),
    );
    let most = 0;
    const names = new Set<string>();
    harness.service.onContainers((containers) => {
      most = Math.max(most, containers.length);
      for (const { container } of containers) names.add(container);
    });
    const run = await harness.run(bundle, { qualname: 'f' });
    await run.ended;
    assert.deepEqual(valueOf(run), [19_900, false], JSON.stringify(run.events.at(-2)));
    await harness.containersUntil(none);
    // Four at work, and the one that made the calls.
    assert.equal(most, 5);
    assert.equal(names.size, 5);
    for (const name of names) assert.deepEqual(await processesOf(name), []);
  });
});
