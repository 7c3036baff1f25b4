import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunEvent } from '../../../runtime/protocol/events';
import type { Container } from '../../../runtime/protocol/methods';
import {
  madeUpCards,
  servedVersion,
  startCall,
  startDeploy,
  startMove,
  succeeded,
} from '../scheduling/deploying';
import { containerOf, errorOf, Harness, valueOf, type WatchedRun } from '../scheduling/harness';

const says =
  (text: RegExp) =>
  (event: RunEvent): boolean =>
    event.type === 'phase' && event.status !== 'done' && text.test(event.detail ?? '');
const idle = (count: number) => (all: Container[]) =>
  all.length === count && all.every(({ state }) => state === 'idle');

describe('changes of what an environment serves', function () {
  this.timeout(120_000);
  let harness: Harness;
  beforeEach(async () => {
    harness = await Harness.open();
  });
  afterEach(() => harness.close());

  /** A version of the app; containers of one with a gate come up once the file of that name is there. */
  const version = (value: number, options = '', gate = ''): Record<string, string> => ({
    'app.py': [
      'import os, time, velar',
      'app = velar.App("shop")',
      ...(gate === ''
        ? []
        : [
            'if "VELAR_DEVICE" in os.environ:',
            `    open(${JSON.stringify(join(harness.home, `${gate} waits`))}, "w").close()`,
            `    while not os.path.exists(${JSON.stringify(join(harness.home, gate))}):`,
            '        time.sleep(0.01)',
          ]),
      `@app.function(${options})`,
      'def f():',
      `    return ${value}`,
    ].join('\n'),
  });
  const open = (gate: string): Promise<void> => writeFile(join(harness.home, gate), '');
  const deployed = async (
    files: Record<string, string>,
    environment: 'staging' | 'production' = 'staging',
  ): Promise<WatchedRun> => succeeded(await startDeploy(harness, files, environment));
  const promote = (number: number): WatchedRun =>
    startMove(harness, 'shop', 'production', number, 'promote');
  const rollback = (number: number): WatchedRun =>
    startMove(harness, 'shop', 'production', number, 'rollback');
  const called = async (environment: 'staging' | 'production' = 'production') =>
    succeeded(await startCall(harness, 'shop', environment, 'f'));

  it('come one after another: a slow promotion never undoes a rollback that was asked for later', async () => {
    await open('first');
    await deployed(version(1));
    await succeeded(promote(1));
    await deployed(version(2));
    await succeeded(promote(2));
    await open('slow');
    await deployed(version(3, 'scaledown_window=0', 'slow'));
    await harness.containersUntil((all) => all.every(({ state }) => state === 'idle'));
    await rm(join(harness.home, 'slow'));
    const slow = promote(3);
    const back = rollback(1);
    await back.until(
      says(/waiting for another change of production of shop to end: promote .* by tester, run /),
    );
    assert.equal(servedVersion(harness, 'shop', 'production'), 2);
    await open('slow');
    await Promise.all([succeeded(slow), succeeded(back)]);
    assert.equal(servedVersion(harness, 'shop', 'production'), 1);
    assert.equal(valueOf(await called()), 1);
  });

  it('may be cancelled while they wait, and hold up nobody then', async () => {
    await deployed(version(1));
    await open('slow');
    await deployed(version(2, 'scaledown_window=0', 'slow'));
    await rm(join(harness.home, 'slow'));
    const slow = promote(2);
    const second = promote(1);
    await second.until(says(/waiting for another change/));
    harness.service.cancel(second.id);
    assert.equal((await second.ended).status, 'cancelled');
    const third = promote(1);
    await third.until(says(/waiting for another change/));
    await slow.until((event) => event.type === 'phase' && event.phase === 'imports');
    harness.service.cancel(slow.id);
    assert.equal((await slow.ended).status, 'cancelled');
    await succeeded(third);
    assert.equal(servedVersion(harness, 'shop', 'production'), 1);
  });

  it('are checked again before the switch: what was forbidden meanwhile does not happen', async () => {
    await open('slow');
    await deployed(version(1, 'scaledown_window=0', 'slow'), 'production');
    await deployed(version(2));
    await succeeded(promote(2));
    await harness.containersUntil((all) => all.every(({ state }) => state === 'idle'));
    await rm(join(harness.home, 'slow'));
    const back = rollback(1);
    await back.until((event) => event.type === 'phase' && event.phase === 'imports');
    harness.service.deployments.protect('shop', true);
    await open('slow');
    assert.equal((await back.ended).status, 'failed');
    assert.match(errorOf(back).message, /version 1 was deployed to it directly/);
    assert.equal(servedVersion(harness, 'shop', 'production'), 2);
    // The same is refused at once from now on, and what was promoted is not.
    assert.throws(() => rollback(1), /takes promoted versions only/);
    await deployed(version(3));
    await succeeded(promote(3));
    await succeeded(rollback(2));
  });

  it('bring min_containers up before the switch, all of them', async () => {
    const keeping = 'min_containers=2, scaledown_window=0';
    await deployed(version(1, keeping), 'production');
    const before = await harness.containersUntil(idle(2));
    await open('slow');
    // What comes up first is held at its import, then what comes up second.
    const going = await startDeploy(
      harness,
      version(2, `${keeping}, env={"V": "2"}`, 'slow2'),
      'production',
    );
    await harness.containersUntil((all) => all.length === 4);
    assert.equal(servedVersion(harness, 'shop', 'production'), 1);
    const still = harness.service.containers().map(({ container }) => container);
    for (const { container } of before) assert.ok(still.includes(container));
    await open('slow2');
    await succeeded(going);
    const after = await harness.containersUntil(idle(2));
    for (const { container } of before) {
      assert.ok(!after.some((each) => each.container === container));
    }
    const call = await called();
    assert.equal(valueOf(call), 2);
    const { container: by } = containerOf(call);
    assert.ok(after.some(({ container }) => container === by));
  });

  it('leave what is kept as it was when they fail or are cancelled', async () => {
    const keeping = 'min_containers=1, scaledown_window=0';
    await deployed(version(1, keeping), 'production');
    const [kept] = await harness.containersUntil(idle(1));
    const broken = { 'app.py': `${version(2, keeping)['app.py'] ?? ''}\nraise RuntimeError("no")` };
    const failing = {
      'app.py': (broken['app.py'] ?? '').replace(
        'raise',
        'if "VELAR_DEVICE" in os.environ:\n    raise',
      ),
    };
    const failed = await startDeploy(harness, failing, 'production');
    assert.equal((await failed.ended).status, 'failed');
    assert.equal(errorOf(failed).type, 'RuntimeError');
    const slow = await startDeploy(harness, version(3, keeping, 'never'), 'production');
    await slow.until((event) => event.type === 'phase' && event.phase === 'imports');
    harness.service.cancel(slow.id);
    await slow.ended;
    const left = await harness.containersUntil(idle(1));
    assert.equal(left[0]?.container, kept?.container);
    assert.equal(left[0]?.idleUntil, null);
    assert.deepEqual(containerOf(await called()), { container: kept?.container, warm: true });
  });

  it('let go of what functions kept that the next version has no more', async () => {
    const two = (names: string[]): Record<string, string> => ({
      'app.py': [
        'import velar',
        'app = velar.App("shop")',
        ...names.flatMap((name) => [
          `@app.function(min_containers=1, scaledown_window=0, env={"OF": "${name}"})`,
          `def ${name}():`,
          '    pass',
        ]),
      ].join('\n'),
    });
    await deployed(two(['a', 'b']));
    await harness.containersUntil(idle(2));
    await deployed(two(['a']));
    await harness.containersUntil(idle(1));
  });

  it('end with an app taken down: its containers go, its card is free, and it can come back', async () => {
    await harness.close();
    harness = await Harness.open({ gpus: madeUpCards('L4') });
    await deployed(version(1, 'gpu="L4", min_containers=1'), 'production');
    await harness.containersUntil(idle(1));
    const { deployments } = harness.service;
    const undeploy = (): void =>
      deployments.undeploy({ app: 'shop', environment: 'production' }, 'tester');
    deployments.protect('shop', true);
    assert.throws(undeploy, /is protected, so it is not taken down/);
    deployments.protect('shop', false);
    undeploy();
    await harness.containersUntil((all) => all.length === 0);
    assert.throws(() => deployments.served('shop', 'production'), /not deployed to production/);
    assert.throws(undeploy, /not deployed to production/);
    assert.equal(servedVersion(harness, 'shop', 'production'), undefined);
    await succeeded(rollback(1));
    assert.equal(valueOf(await called()), 1);
    await harness.containersUntil(idle(1));
    undeploy();
    await harness.containersUntil((all) => all.length === 0);
    assert.deepEqual(deployments.history('shop', 'production'), [1, 1]);
  });
});
