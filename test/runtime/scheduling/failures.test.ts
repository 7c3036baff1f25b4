import assert from 'node:assert/strict';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  errorOf,
  app,
  Harness,
  phaseEnds,
  PYTHON_PACKAGES,
  valueOf,
  type WatchedRun,
} from './harness';

/** Starts the function `f` of this body. */
async function start(harness: Harness, body: string): Promise<WatchedRun> {
  return harness.run(await harness.bundle(app(body)), { qualname: 'f' });
}

function assertWhole(run: WatchedRun): void {
  const names = phaseEnds(run).map((end) => end.split(' ')[0]);
  const all = ['queued', 'provisioning', 'image', 'container', 'imports', 'model-load', 'running'];
  assert.deepEqual(names, all);
}

describe('a run that fails', function () {
  this.timeout(90_000);
  let harness: Harness;
  before(async () => {
    harness = await Harness.open();
  });
  after(() => harness.close());

  const endings: { what: string; body: string; kind: string; type: string; held?: true }[] = [
    {
      what: 'sys.exit',
      body: '@app.function()\ndef f():\n    print("before", flush=True)\n    import sys\n    sys.exit(3)',
      kind: 'user',
      type: 'SystemExit',
    },
    {
      what: 'a segmentation fault',
      body: '@app.function()\ndef f():\n    print("before", flush=True)\n    import ctypes\n    ctypes.string_at(0)',
      kind: 'user',
      type: 'Segfault',
    },
    {
      what: 'a runner killed from outside',
      body: '@app.function()\ndef f():\n    print("before", flush=True)\n    import os, signal\n    os.kill(os.getpid(), signal.SIGKILL)',
      kind: 'infrastructure',
      type: 'RunnerKilled',
    },
    {
      what: 'a worker killed from outside',
      // What a worker has not passed on is lost with it, so this goes on once the line has come.
      body: '@app.function()\ndef f(gate):\n    print("before", flush=True)\n    import os, signal, time\n    while not os.path.exists(gate):\n        time.sleep(0.01)\n    os.kill(os.getppid(), signal.SIGKILL)\n    time.sleep(60)',
      held: true,
      kind: 'infrastructure',
      type: 'WorkerDied',
    },
    {
      what: 'a result that is too large',
      body: '@app.function()\ndef f():\n    print("before", flush=True)\n    return "x" * (80 * 1024 * 1024)',
      kind: 'user',
      type: 'ResultTooLarge',
    },
  ];
  for (const { what, body, kind, type, held } of endings) {
    it(`names ${what} and keeps what was printed`, async () => {
      const gate = join(harness.home, 'gate');
      const run = await harness.run(
        await harness.bundle(app(body)),
        { qualname: 'f' },
        held === undefined ? [] : [gate],
      );
      if (held === true) {
        while ((await run.lines()).length === 0)
          await new Promise((resolve) => setImmediate(resolve));
        await writeFile(gate, '');
      }
      const { status } = await run.ended;
      assert.equal(status, 'failed');
      const error = errorOf(run);
      assert.deepEqual([error.kind, error.type], [kind, type], error.message);
      assert.ok((await run.lines()).some((line) => line.text === 'before'));
      assertWhole(run);
    });
  }

  it('says that a module is missing, at the line that imports it', async () => {
    const run = await start(harness, 'import nosuchmodule\n@app.function()\ndef f():\n    pass');
    await run.ended;
    const error = errorOf(run);
    assert.equal(error.type, 'ModuleNotFoundError');
    assert.deepEqual(error.traceback.at(-1)?.line, 4);
    assert.ok(phaseEnds(run).includes('imports failed'));
    assertWhole(run);
  });

  it('says which functions there are when the asked one is not among them', async () => {
    const run = await harness.run(
      await harness.bundle(app('@app.function()\ndef f():\n    pass')),
      { qualname: 'g' },
    );
    await run.ended;
    assert.match(errorOf(run).message, /no function g in app\.py; it declares f/);
    assert.equal(phaseEnds(run)[0], 'queued failed');
    assertWhole(run);
  });

  it('never runs a GPU function on the CPU unless that is allowed', async () => {
    const bundle = await harness.bundle(
      app('import os\n@app.function(gpu="L4")\ndef f():\n    return os.environ["VELAR_DEVICE"]'),
    );
    const refused = await harness.run(bundle, { qualname: 'f' });
    await refused.ended;
    assert.equal(errorOf(refused).kind, 'capacity');
    assert.equal(errorOf(refused).type, 'NoGpu');
    const allowed = await harness.run(bundle, { qualname: 'f', cpu: true });
    await allowed.ended;
    assert.equal(valueOf(allowed), 'cpu');
    const container = allowed.events.find((event) => event.type === 'container');
    assert.deepEqual(container?.type === 'container' && [container.device, container.gpu], [
      'cpu',
      null,
    ]);
    const cost = allowed.events.find((event) => event.type === 'cost');
    assert.equal(cost?.type === 'cost' && cost.usd, 0);
  });

  it('names a container that crashes again and again as that, not as a lack of capacity', async () => {
    // Fault injection: a worker that ends as soon as it starts.
    const packages = join(harness.home, 'broken-python');
    await cp(PYTHON_PACKAGES, packages, { recursive: true });
    await writeFile(join(packages, 'velar_worker', '__main__.py'), 'raise SystemExit("broken")');
    const broken = await Harness.open({ pythonPackages: packages });
    try {
      const bundle = await broken.bundle(app('@app.function()\ndef f():\n    pass'));
      const run = await broken.run(bundle, { qualname: 'f' });
      await run.ended;
      const error = errorOf(run);
      assert.deepEqual([error.kind, error.type], ['infrastructure', 'CrashLoop']);
      assert.match(error.message, /3 times in a row.*exit code 1.*broken/);
      assert.ok(phaseEnds(run).includes('container failed'));
      assertWhole(run);
    } finally {
      await broken.close();
    }
  });

  it('tries again as often as the function asks for, with attempt numbers', async () => {
    const run = await start(
      harness,
      'import os\n@app.function(retries=2)\ndef f():\n    n = len(os.listdir("."))\n    open(f"try-{n}", "w").close()\n    if n < 3:\n        raise ValueError(f"attempt {n}")\n    return n',
    );
    await run.ended;
    assert.equal(valueOf(run), 3, JSON.stringify(run.events));
    const attempts = run.events.filter((event) => event.type === 'attempt');
    assert.deepEqual(
      attempts.map((event) => event.attempt),
      [2, 3],
    );
    assertWhole(run);
  });

  it('does not try again what fails the same way every time', async () => {
    const run = await start(
      harness,
      '@app.function(retries=3)\ndef f():\n    import sys\n    sys.exit(1)',
    );
    await run.ended;
    assert.equal(errorOf(run).type, 'SystemExit');
    assert.ok(!run.events.some((event) => event.type === 'attempt'));
  });

  it('ends a call at its timeout, with the line it was at', async () => {
    const run = await start(
      harness,
      'import time\n@app.function(timeout=1, startup_timeout=60)\ndef f():\n    print("before")\n    time.sleep(60)',
    );
    await run.ended;
    const error = errorOf(run);
    assert.equal(error.kind, 'timeout');
    assert.equal(error.traceback.at(-1)?.line, 8);
    assertWhole(run);
  });

  it('kills code that ignores its timeout', async () => {
    const run = await start(
      harness,
      'import time\n@app.function(timeout=1, startup_timeout=60)\ndef f():\n    while True:\n        try:\n            time.sleep(60)\n        except BaseException:\n            pass',
    );
    await run.ended;
    assert.equal(errorOf(run).kind, 'timeout');
  });
});
