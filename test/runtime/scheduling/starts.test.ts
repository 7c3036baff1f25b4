import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GpuInventory } from '../../../runtime/gpu/detect';
import type { PlacedContainer } from '../../../runtime/engines/engine';
import { processesOf } from '../../../runtime/engines/leftovers';
import { ProcessEngine } from '../../../runtime/engines/process';
import { systemClock, type Clock } from '../../../runtime/scheduling/clock';
import {
  errorOf,
  Harness,
  phaseEnds,
  python,
  PYTHON_PACKAGES,
  valueOf,
  type WatchedRun,
} from './harness';

/** Cards made up for these tests, so that there is something to bill. */
const CARDS: GpuInventory = {
  gpus: [0, 1].map((index) => ({
    index,
    uuid: `GPU-made-up-${index}`,
    name: 'NVIDIA L4',
    model: 'L4',
    memoryTotalBytes: 24 * 1024 ** 3,
    memoryUsedBytes: null,
  })),
  note: null,
  smi: null,
};

function costOf(run: WatchedRun): { seconds: number; usd: number } {
  const cost = run.events.find((event) => event.type === 'cost');
  if (cost?.type !== 'cost') throw new Error('The run has no cost.');
  return { seconds: cost.seconds, usd: cost.usd };
}

describe('a container that does not come up', function () {
  this.timeout(120_000);
  let harness: Harness;
  beforeEach(async () => {
    harness = await Harness.open({ gpus: CARDS });
  });
  afterEach(() => harness.close());

  /** An app whose file does `atImport` when a container imports it, and counts the times. */
  const app = (
    atImport: string,
    options = 'gpu="L4"',
    name = 'crashing',
  ): Record<string, string> => ({
    'app.py': [
      'import ctypes, os, signal, time, velar',
      `app = velar.App("${name}")`,
      `HOME = ${JSON.stringify(harness.home)}`,
      'def marked(name):',
      '    return os.path.exists(os.path.join(HOME, name))',
      'if "VELAR_DEVICE" in os.environ:',
      '    with open(os.path.join(HOME, "imports"), "a") as imports:',
      '        imports.write("x")',
      '    print("importing", flush=True)',
      `    ${atImport}`,
      `@app.function(${options})`,
      'def f(x=0):',
      '    time.sleep(0.02)',
      '    return x',
    ].join('\n'),
  });
  const imports = async (): Promise<number> =>
    (await readFile(join(harness.home, 'imports'), 'utf8')).length;
  const start = async (files: Record<string, string>): Promise<WatchedRun> =>
    harness.run(await harness.bundle(files), { qualname: 'f' });

  const crashes = [
    {
      what: 'an import that crashes in native code',
      atImport: 'ctypes.string_at(0)',
      kind: 'user',
      reason: /segmentation fault/,
    },
    {
      what: 'a runner that is killed from outside, as for want of memory,',
      atImport: 'os.kill(os.getpid(), signal.SIGKILL)',
      kind: 'infrastructure',
      reason: /killed from outside with SIGKILL/,
    },
    {
      what: 'a worker that dies',
      atImport: 'os.kill(os.getppid(), signal.SIGKILL); time.sleep(60)',
      kind: 'infrastructure',
      reason: /worker died \(killed by SIGKILL\)/,
    },
  ];
  for (const { what, atImport, kind, reason } of crashes) {
    it(`because of ${what} is tried three times, then named as a crash loop, and costs nothing`, async () => {
      const run = await start(
        app(`None if marked("mended") else (${atImport.replace('; ', ', ')})`),
      );
      assert.equal((await run.ended).status, 'failed');
      const error = errorOf(run);
      assert.deepEqual([error.kind, error.type], [kind, 'CrashLoop'], error.message);
      assert.match(error.message, /crashed 3 times in a row before it was ready\. The last time: /);
      assert.match(error.message, reason);
      assert.match(error.hint ?? '', /no lack of capacity; the next run tries anew/);
      assert.equal(await imports(), 3);
      // What a worker had not passed on is lost with it.
      const printed = (await run.lines()).some((line) => line.text === 'importing');
      assert.ok(printed || error.message.includes('worker died'));
      assert.ok(phaseEnds(run).includes('imports failed'), phaseEnds(run).join());
      assert.deepEqual(costOf(run), { seconds: 0, usd: 0 });
      // The next click tries anew.
      await writeFile(join(harness.home, 'mended'), '');
      const next = await start(
        app(`None if marked("mended") else (${atImport.replace('; ', ', ')})`),
      );
      await next.ended;
      assert.equal(valueOf(next), 0);
      assert.equal(await imports(), 4);
      assert.ok(costOf(next).seconds > 0);
    });
  }

  for (const [whose, name] of [
    ['its app', 'crashing'],
    ['another app', 'another'],
  ] as const) {
    it(`holds up no function of ${whose} that waits for its card`, async () => {
      const one = await Harness.open({ gpus: { ...CARDS, gpus: CARDS.gpus.slice(0, 1) } });
      try {
        const crashing = await one.run(await one.bundle(app('os._exit(7)')), { qualname: 'f' });
        await crashing.until(
          (event) => event.type === 'phase' && /try 1 of 3/.test(event.detail ?? ''),
        );
        const other = await one.run(await one.bundle(app('pass', 'gpu="L4"', name)), {
          qualname: 'f',
        });
        await Promise.all([other.ended, crashing.ended]);
        assert.equal(valueOf(other), 0);
        assert.equal(errorOf(crashing).type, 'CrashLoop');
        assert.match(errorOf(crashing).message, /exited with code 7/);
      } finally {
        await one.close();
      }
    });
  }

  it('is told to the function that calls it', async () => {
    const files = app('marked("up") and os._exit(7)');
    files['app.py'] += [
      '',
      '@app.function(gpu="L4")',
      'def many():',
      '    open(os.path.join(HOME, "up"), "w").close()',
      '    return sum(f.map(range(100)))',
    ].join('\n');
    const run = await harness.run(await harness.bundle(files), { qualname: 'many' });
    await run.ended;
    assert.match(errorOf(run).message, /crashed 3 times in a row/);
  });

  it('leaves the work to those that are up', async () => {
    // The first container of f comes up; those after it crash. Later inputs wait until three have.
    const files = app('marked("up") and os._exit(7)');
    files['app.py'] += [
      '',
      '@app.function(gpu="L4", max_containers=2)',
      'def work(x):',
      '    open(os.path.join(HOME, "up"), "w").close()',
      '    while x >= 50 and os.path.getsize(os.path.join(HOME, "imports")) < 5:',
      '        time.sleep(0.01)',
      '    time.sleep(0.02)',
      '    return x',
      '@app.function()',
      'def many():',
      '    return sum(work.map(range(100)))',
    ].join('\n');
    const run = await harness.run(await harness.bundle(files), { qualname: 'many' });
    await run.ended;
    assert.equal(valueOf(run), 4950);
  });

  it('is no crash loop where the code raises: that is told at once', async () => {
    const run = await start(app('raise ValueError("no such weights")'));
    await run.ended;
    assert.deepEqual([errorOf(run).kind, errorOf(run).type], ['user', 'ValueError']);
    assert.equal(await imports(), 1);
    assert.deepEqual(costOf(run), { seconds: 0, usd: 0 });
  });

  it('is not brought up ahead of calls again and again', async () => {
    await writeFile(join(harness.home, 'up'), '');
    const files = app('marked("up") or os._exit(7)', 'gpu="L4", min_containers=1');
    const run = await start(files);
    await run.ended;
    const [kept] = await harness.containersUntil((all) => all[0]?.state === 'idle');
    await rm(join(harness.home, 'up'));
    const over = new Promise<void>((resolve) => {
      harness.service.onContainers((all) => {
        if (all.every((each) => each.state === 'idle' && each.container !== kept?.container)) {
          void imports().then((count) => count >= 4 && resolve());
        }
      });
    });
    process.kill(kept?.pid ?? 0, 'SIGKILL');
    await over;
    // Nothing more comes up by itself; the next click tries anew.
    const next = await start(files);
    await next.ended;
    assert.equal(errorOf(next).type, 'CrashLoop');
    assert.equal(await imports(), 7);
  });

  it('in time ends with what took so long and how to allow for it', async () => {
    // The time is over when the test says so: once the import has begun.
    let over: (() => void) | undefined;
    const clock: Clock = {
      ...systemClock,
      timer: (ms, callback) => {
        if (ms !== 777_000) return systemClock.timer(ms, callback);
        over = callback;
        return () => (over = undefined);
      },
    };
    await harness.close();
    harness = await Harness.open({ gpus: CARDS, clock });
    const run = await start(app('time.sleep(600)', 'gpu="L4", startup_timeout=777'));
    while ((await run.lines()).length === 0) await new Promise((resolve) => setImmediate(resolve));
    over?.();
    await run.ended;
    const error = errorOf(run);
    assert.deepEqual([error.kind, error.type], ['timeout', 'StartupTimeout']);
    assert.match(error.message, /not ready within 777 s: it was still importing app\.py, for \d/);
    assert.match(error.hint ?? '', /Raise `startup_timeout`/);
    assert.deepEqual(costOf(run), { seconds: 0, usd: 0 });
    const left = await harness.containersUntil((all) => all.length === 0);
    assert.deepEqual(left, []);
  });

  it('because its engine hangs ends in time too, and what comes up after that is ended', async () => {
    // A start that hangs until the test lets it go on; the container that then comes is a real one.
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let late: PlacedContainer | undefined;
    const hanging = await Harness.open({
      makeEngine: ({ home, store }) => {
        const engine = new ProcessEngine({
          home,
          pythonPackages: PYTHON_PACKAGES,
          blobs: store.blobs.root,
          volumes: store.volumes,
          python,
          environment: process.env,
        });
        const start = engine.start.bind(engine);
        engine.start = async (spec) => {
          await released;
          late = await start(spec);
          return late;
        };
        return Promise.resolve(engine);
      },
    });
    try {
      const bundle = await hanging.bundle(app('pass', 'startup_timeout=1'));
      const run = await hanging.run(bundle, { qualname: 'f' });
      await run.ended;
      assert.equal(errorOf(run).type, 'StartupTimeout');
      assert.match(errorOf(run).message, /it was still starting, for \d/);
      await hanging.containersUntil((all) => all.length === 0);
      release();
      while (late === undefined) await new Promise((resolve) => setImmediate(resolve));
      await late.exited;
      assert.deepEqual(await processesOf(late.container), []);
    } finally {
      await hanging.close();
    }
  });

  it('is not billed, nor is the call that it dies with; a call whose code raises is', async () => {
    const dying = app('pass');
    dying['app.py'] += [
      '',
      '@app.function(gpu="L4")',
      'def killed():',
      '    time.sleep(0.3)',
      '    os.kill(os.getppid(), signal.SIGKILL)',
      '    time.sleep(60)',
      '@app.function(gpu="L4")',
      'def raises():',
      '    time.sleep(0.3)',
      '    raise ValueError',
    ].join('\n');
    const bundle = await harness.bundle(dying);
    const raised = await harness.run(bundle, { qualname: 'raises' });
    await raised.ended;
    assert.ok(costOf(raised).seconds >= 0.3);
    const killed = await harness.run(bundle, { qualname: 'killed' });
    await killed.ended;
    assert.equal(errorOf(killed).type, 'WorkerDied');
    assert.deepEqual(costOf(killed), { seconds: 0, usd: 0 });
  });

  it('leaves no process of what failed', async () => {
    const names = new Set<string>();
    harness.service.onContainers((all) => {
      for (const { container } of all) names.add(container);
    });
    const run = await start(
      app('os.kill(os.getppid(), signal.SIGKILL), time.sleep(60)', 'gpu="L4", scaledown_window=0'),
    );
    await run.ended;
    await harness.containersUntil((all) => all.length === 0);
    assert.equal(names.size, 3);
    for (const name of names) assert.deepEqual(await processesOf(name), []);
  });
});
