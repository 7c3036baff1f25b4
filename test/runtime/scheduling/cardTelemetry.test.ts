import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { detectGpus } from '../../../runtime/gpu/detect';
import { readProcess } from '../../../runtime/gpu/procFiles';
import type { MemorySample, RunEvent } from '../../../runtime/protocol/events';
import { applyRunEvent, newRunRecord } from '../../../runtime/protocol/runRecord';
import { rememberPython } from '../../../runtime/images/python';
import { skipBecause } from '../../support/skip';
import { NvmlStandIn, withoutStandIn } from '../gpu/nvmlStandIn';
import { app, errorOf, Harness, PYTHON_PACKAGES, valueOf, type WatchedRun } from './harness';

const GIB = 1024 ** 3;
const python = rememberPython({ environment: process.env });

const isCardSample = (event: RunEvent): event is MemorySample =>
  event.type === 'memory' && event.card !== undefined;

/** Real containers and real processes; the card is the NVML stand-in (no hardware). */
describe('Telemetry of a card, with an NVML stand-in', function () {
  this.timeout(90_000);
  let standIn: NvmlStandIn;
  let harness: Harness;

  before(function () {
    const reason = withoutStandIn();
    if (reason !== undefined) skipBecause(this, reason);
  });
  beforeEach(async () => {
    standIn = new NvmlStandIn([{ usedBytes: GIB }]);
    const environment = standIn.environment(process.env);
    const inventory = await detectGpus({ environment, python, pythonPackages: PYTHON_PACKAGES });
    harness = await Harness.open({ gpus: { ...inventory, processes: (pid) => readProcess(pid) } });
  });
  afterEach(async () => {
    await harness.close();
    standIn.remove();
  });

  /** A function that says its process's id and runs until the file is there. */
  async function start(body: string): Promise<{ run: WatchedRun; pid: number; go: string }> {
    const go = join(standIn.folder, 'go');
    const source = app(
      'import os, time\n@app.function(gpu="L4")\n' +
        'def f(go):\n    print(os.getpid(), flush=True)\n' +
        `    while not os.path.exists(go):\n        time.sleep(0.02)\n    ${body}`,
    );
    const run = await harness.run(await harness.bundle(source), { qualname: 'f' }, [go]);
    await run.until((event) => event.type === 'phase' && event.phase === 'running');
    const container = harness.service.containers()[0];
    assert.ok(container?.pid);
    return { run, pid: container.pid, go };
  }

  it("tells a container's own memory, the others' and what the card says, several times a second", async () => {
    const { run, pid, go } = await start('return None');
    const others = { pid: process.pid, usedBytes: 2 * GIB };
    standIn.tell([
      { usedBytes: 9 * GIB, gpuPercent: 93, processes: [{ pid, usedBytes: 6 * GIB }, others] },
    ]);
    const found = await run.until((event) => isCardSample(event) && event.usedBytes === 6 * GIB);
    assert.ok(isCardSample(found));
    const { at: _at, ...sample } = found;
    assert.deepEqual(sample, {
      type: 'memory',
      device: 'L4 0',
      usedBytes: 6 * GIB,
      totalBytes: 24 * GIB,
      source: 'nvml',
      card: {
        scope: 'container',
        usedBytes: 9 * GIB,
        othersBytes: 2 * GIB,
        gpuPercent: 93,
        memoryPercent: 0,
        temperatureC: 61,
        powerWatts: 71.234,
        powerLimitWatts: 72,
      },
    });
    const list = await harness.service.readGpus();
    assert.equal(list.source, 'Measured by NVML.');
    assert.deepEqual(
      list.gpus[0]?.live?.processes?.map((each) => [each.pid, each.app, each.usedBytes]),
      [
        [pid, 'test', 6 * GIB],
        [process.pid, null, 2 * GIB],
      ],
    );
    // Five samples within three seconds: while no call runs they take four at least.
    await run.until(() => {
      const times = run.events.filter(isCardSample).map(({ at }) => at);
      return times.length >= 5 && (times.at(-1) ?? 0) - (times.at(-5) ?? 0) < 3000;
    });
    standIn.tell([{ usedBytes: GIB, processes: [] }]);
    await run.until((event) => isCardSample(event) && event.usedBytes === 0);
    await writeFile(go, '');
    await run.ended;
    const record = run.events.reduce(
      (folded, event) => applyRunEvent(folded, event),
      newRunRecord(run.id, 'app.py', 'f', 0),
    );
    const running = record.phases.find(({ phase }) => phase === 'running');
    assert.equal(running?.peakBytes['L4 0'], 6 * GIB);
    assert.equal(record.peakBytes['L4 0'], 6 * GIB);
    assert.equal(valueOf(run), null);
  });

  it('explains a card that ran full with what held its memory', async () => {
    const { run, pid, go } = await start(
      'class OutOfMemoryError(RuntimeError): pass\n    OutOfMemoryError.__module__ = "torch.cuda"\n' +
        '    raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")',
    );
    const others = { pid: process.pid, usedBytes: 3 * GIB };
    standIn.tell([{ usedBytes: 23.5 * GIB, processes: [{ pid, usedBytes: 20 * GIB }, others] }]);
    await run.until((event) => isCardSample(event) && event.usedBytes === 20 * GIB);
    await writeFile(go, '');
    await run.ended;
    const error = errorOf(run);
    assert.equal(error.kind, 'gpu-oom');
    assert.match(
      error.message,
      /\nL4 0, measured by NVML .+ before: 537 MB of 25\.8 GB free; this container held 21\.5 GB; other processes held 3\.22 GB: \S+ \(pid \d+\) 3\.22 GB\.$/,
    );
  });
});
