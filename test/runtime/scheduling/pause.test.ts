import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { Engine, PlacedContainer } from '../../../runtime/engines/engine';
import { processesOf } from '../../../runtime/engines/leftovers';
import { ProcessEngine } from '../../../runtime/engines/process';
import { app, containerOf, Harness, python, PYTHON_PACKAGES, valueOf } from './harness';

/** The process engine with what a container engine's freezer does: every process really stops and goes on. */
function pausing(engine: ProcessEngine, log: string[], wakes: () => boolean): Engine {
  const signalAll = async (container: string, signal: NodeJS.Signals): Promise<void> => {
    for (const pid of await processesOf(container)) process.kill(pid, signal);
  };
  const withPause = (placed: PlacedContainer): PlacedContainer => ({
    ...placed,
    pause: async () => {
      await signalAll(placed.container, 'SIGSTOP');
      log.push('pause');
    },
    resume: async () => {
      if (!wakes()) throw new Error('It does not wake.');
      await signalAll(placed.container, 'SIGCONT');
      log.push('resume');
    },
  });
  return {
    kind: engine.kind,
    place: engine.place,
    planImage: (...args) => engine.planImage(...args),
    start: async (...args) => withPause(await engine.start(...args)),
    list: () => engine.list(),
    storedImages: () => engine.storedImages(),
    removeImage: (key) => engine.removeImage(key),
    dispose: () => engine.dispose(),
  };
}

/** What the kernel says of each process of a container: `T` is stopped. */
async function states(container: string): Promise<Set<string>> {
  const stats = await Promise.all(
    (await processesOf(container)).map((pid) => readFile(`/proc/${pid}/stat`, 'utf8')),
  );
  return new Set(stats.map((stat) => stat.slice(stat.lastIndexOf(')') + 2)[0] ?? ''));
}

const BUSY_THREAD = app(
  [
    'import threading, time',
    'ticks = 0',
    'def tick():',
    '    global ticks',
    '    while True:',
    '        ticks += 1',
    '        time.sleep(0.001)',
    '@app.function(scaledown_window=60)',
    'def f():',
    '    if ticks == 0:',
    '        threading.Thread(target=tick, daemon=True).start()',
    '    return ticks',
  ].join('\n'),
);

describe('an idle container of an engine that can pause', function () {
  this.timeout(120_000);
  let harness: Harness;
  let log: string[];
  let wakes: boolean;
  before(function () {
    if (process.platform !== 'linux') this.skip();
  });
  beforeEach(async () => {
    log = [];
    wakes = true;
    harness = await Harness.open({
      pauseAfterMs: 100,
      makeEngine: ({ home, store }) => {
        const engine = new ProcessEngine({
          home,
          pythonPackages: PYTHON_PACKAGES,
          blobs: store.blobs.root,
          volumes: store.volumes,
          python,
          environment: process.env,
        });
        return Promise.resolve(pausing(engine, log, () => wakes));
      },
    });
  });
  afterEach(() => harness.close());

  const paused = (): Promise<unknown> =>
    harness.containersUntil((all) => all.length === 1 && all[0]?.detail !== undefined);

  it('is paused, says what that frees, and goes on before its next call and before new code', async () => {
    const bundle = await harness.bundle(BUSY_THREAD);
    const first = await harness.run(bundle, { qualname: 'f' });
    await first.ended;
    const { container } = containerOf(first);
    await paused();
    const [told] = harness.service.containers();
    assert.equal(told?.state, 'idle');
    assert.match(told?.detail ?? '', /paused: uses no CPU, keeps its memory and GPU memory/);
    while (log.length === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(await states(container), new Set(['T']));

    const second = await harness.run(bundle, { qualname: 'f' });
    await second.ended;
    assert.equal(containerOf(second).container, container);
    assert.ok(Number(valueOf(second)) > 0);
    assert.deepEqual(log.slice(0, 2), ['pause', 'resume']);

    await paused();
    const changed = await harness.bundle(app('@app.function()\ndef f():\n    return "new"'));
    const third = await harness.run(changed, { qualname: 'f' });
    await third.ended;
    assert.equal(containerOf(third).container, container);
    assert.equal(valueOf(third), 'new');
  });

  it('is woken to end by itself when it is stopped, and leaves no process', async () => {
    const bundle = await harness.bundle(BUSY_THREAD);
    const run = await harness.run(bundle, { qualname: 'f' });
    await run.ended;
    const { container } = containerOf(run);
    await paused();
    await harness.service.stopContainer(container);
    assert.deepEqual(await processesOf(container), []);
    assert.equal(log.at(-1), 'resume');
  });

  it('that does not wake is replaced by another, and the call is not lost', async () => {
    const bundle = await harness.bundle(BUSY_THREAD);
    const first = await harness.run(bundle, { qualname: 'f' });
    await first.ended;
    await paused();
    wakes = false;
    const second = await harness.run(bundle, { qualname: 'f' });
    await second.ended;
    const used = second.events.filter((event) => event.type === 'container');
    assert.deepEqual(
      used.map((event) => event.container === containerOf(first).container),
      [true, false],
    );
    assert.equal((await second.ended).status, 'succeeded');
    assert.ok(harness.warnings.some((warning) => warning.includes('It does not wake.')));
  });
});
