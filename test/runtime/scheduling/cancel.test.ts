import assert from 'node:assert/strict';
import { processesOf } from '../../../runtime/engines/leftovers';
import { app, errorOf, Harness, phaseEnds, valueOf, type WatchedRun } from './harness';

const ALL = ['queued', 'provisioning', 'image', 'container', 'imports', 'model-load', 'running'];

function assertCancelledIn(run: WatchedRun, phase: string): void {
  assert.equal(errorOf(run).kind, 'cancelled');
  assert.equal(run.events.at(-1)?.type, 'ended');
  const ends = phaseEnds(run);
  assert.deepEqual(
    ends.map((end) => end.split(' ')[0]),
    ALL,
  );
  assert.equal(
    ends.find((end) => end.endsWith('failed')),
    `${phase} failed`,
  );
}

describe('cancelling', function () {
  this.timeout(60_000);
  let harness: Harness;
  beforeEach(async () => {
    harness = await Harness.open();
  });
  afterEach(() => harness.close());

  async function cancelAt(body: string, phase: string, ready = true): Promise<WatchedRun> {
    const run = await harness.run(await harness.bundle(app(body)), { qualname: 'f' });
    if (ready) await run.until((event) => event.type === 'phase' && event.phase === phase);
    harness.service.cancel(run.id);
    const { status } = await run.ended;
    assert.equal(status, 'cancelled');
    assertCancelledIn(run, phase);
    return run;
  }

  it('works while the file is being read', async () => {
    await cancelAt('@app.function()\ndef f():\n    pass', 'queued', false);
  });

  it('works while the image is being built', async () => {
    await cancelAt('@app.function()\ndef f():\n    pass', 'image');
  });

  it('works while the container starts', async () => {
    await cancelAt('@app.function()\ndef f():\n    pass', 'container');
    // Nobody waits for that container any more, so it does not stay.
    await harness.service.dispose();
    assert.deepEqual(harness.service.containers(), []);
  });

  it('works while the module is imported, and ends the import', async () => {
    const run = await harness.run(
      await harness.bundle(
        app(
          'import os, time\nif "VELAR_DEVICE" in os.environ:\n    print("importing", flush=True)\n    time.sleep(60)\n@app.function()\ndef f():\n    pass',
        ),
      ),
      { qualname: 'f' },
    );
    await run.until((event) => event.type === 'phase' && event.phase === 'imports');
    harness.service.cancel(run.id);
    await run.ended;
    assertCancelledIn(run, 'imports');
  });

  it('interrupts a running function, lets it clean up and keeps its container', async () => {
    const bundle = await harness.bundle(
      app(
        'import time\n@app.function()\ndef f(seconds):\n    print("started", flush=True)\n    try:\n        time.sleep(seconds)\n    finally:\n        print("cleaned up")\n    return seconds',
      ),
    );
    const run = await harness.run(bundle, { qualname: 'f' }, [60]);
    await run.until((event) => event.type === 'phase' && event.phase === 'running');
    while ((await run.lines()).length === 0) await new Promise((resolve) => setImmediate(resolve));
    harness.service.cancel(run.id);
    await run.ended;
    assertCancelledIn(run, 'running');
    assert.ok((await run.lines()).some((line) => line.text === 'cleaned up'));
    const again = await harness.run(bundle, { qualname: 'f' }, [0]);
    await again.ended;
    assert.equal(valueOf(again), 0);
    const container = again.events.find((event) => event.type === 'container');
    assert.equal(container?.type === 'container' && container.warm, true);
  });

  it('works for a run that waits for a busy container', async () => {
    const bundle = await harness.bundle(
      app('import time\n@app.function(max_containers=1)\ndef f(s):\n    time.sleep(s)'),
    );
    const first = await harness.run(bundle, { qualname: 'f' }, [60]);
    await first.until((event) => event.type === 'phase' && event.phase === 'running');
    const second = await harness.run(bundle, { qualname: 'f' }, [0]);
    const waiting = await second.until(
      (event) => event.type === 'phase' && event.status === 'progress',
    );
    assert.match(waiting.type === 'phase' ? (waiting.detail ?? '') : '', /1 of 1 containers of f/);
    harness.service.cancel(second.id);
    await second.ended;
    assertCancelledIn(second, 'queued');
    harness.service.cancel(first.id);
    await first.ended;
  });

  it('of an ended run does nothing, of an unknown one is an error', async () => {
    const bundle = await harness.bundle(app('@app.function()\ndef f():\n    return 1'));
    const run = await harness.run(bundle, { qualname: 'f' });
    await run.ended;
    harness.service.cancel(run.id);
    assert.equal(valueOf(run), 1);
    assert.throws(() => harness.service.cancel('run-0000000000x'), /has no run/);
  });

  it('by stopping the container ends its run and leaves no process', async () => {
    const bundle = await harness.bundle(
      app(
        'import subprocess, time\n@app.function()\ndef f():\n    subprocess.Popen(["sleep", "600"], start_new_session=True)\n    print("started", flush=True)\n    time.sleep(600)',
      ),
    );
    const run = await harness.run(bundle, { qualname: 'f' });
    const used = await run.until((event) => event.type === 'container');
    const container = used.type === 'container' ? used.container : '';
    while ((await run.lines()).length === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.ok((await processesOf(container)).length >= 3);
    await harness.service.stopContainer(container);
    await run.ended;
    assertCancelledIn(run, 'running');
    assert.deepEqual(await processesOf(container), []);
    assert.deepEqual(harness.service.containers(), []);
    await assert.rejects(harness.service.stopContainer(container), /no container/);
  });
});

describe('the end of the runtime', function () {
  this.timeout(60_000);

  it('ends every run and leaves no process, not even of a busy container', async () => {
    const harness = await Harness.open();
    const bundle = await harness.bundle(
      app(
        'import subprocess, time\n@app.function()\ndef f():\n    subprocess.Popen(["sleep", "600"], start_new_session=True)\n    print("started", flush=True)\n    time.sleep(600)',
      ),
    );
    const run = await harness.run(bundle, { qualname: 'f' });
    const used = await run.until((event) => event.type === 'container');
    while ((await run.lines()).length === 0) await new Promise((resolve) => setImmediate(resolve));
    await harness.close();
    await run.ended;
    assert.equal(errorOf(run).kind, 'cancelled');
    assert.deepEqual(await processesOf(used.type === 'container' ? used.container : ''), []);
    assert.deepEqual(harness.warnings, []);
  });
});
