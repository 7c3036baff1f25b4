import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { PhaseEvent } from '../../../runtime/protocol/events';
import { applyRunEvent, newRunRecord } from '../../../runtime/protocol/runRecord';
import { slowness } from '../../../runtime/protocol/slowness';
import { capture } from '../../../runtime/engines/children';
import { skipBecause } from '../../support/skip';
import { Harness, python, valueOf, type WatchedRun } from './harness';

/** How long the import of the test's package takes at least, in ms: more than what is called slow beside nothing. */
const IMPORT_MS = 1300;
/** A worker imports packages ahead only where they are so many modules. */
const MODULES = 60;
/** What a worker forked ahead for new code goes by this name. */
const SPARE = 'velar-spare';

describe('phases that happen in several ways', function () {
  this.timeout(120_000);
  let harness: Harness;
  let folder: string;
  let wheel: string;
  before(async function () {
    if (process.platform !== 'linux') skipBecause(this, 'only Linux forks a runner ahead');
    folder = await mkdtemp(join(tmpdir(), 'velar-ways-'));
    wheel = join(folder, 'heavy-1.0-py3-none-any.whl');
    await makeWheel();
  });
  after(() => rm(folder, { recursive: true, force: true }));
  beforeEach(async () => {
    harness = await Harness.open();
  });
  afterEach(() => harness.close());

  /** A package without dependencies whose import takes its time. */
  async function makeWheel(): Promise<void> {
    const script = join(folder, 'wheel.py');
    const lines = [
      'import sys, zipfile',
      'info = "heavy-1.0.dist-info"',
      `parts = ["part_%d" % number for number in range(${MODULES})]`,
      'with zipfile.ZipFile(sys.argv[1], "w") as z:',
      `    z.writestr("heavy/__init__.py", "import time\\nfrom . import %s\\ntime.sleep(${IMPORT_MS / 1000})\\n" % ", ".join(parts))`,
      '    for part in parts: z.writestr("heavy/%s.py" % part, "")',
      '    z.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: heavy\\nVersion: 1.0\\n")',
      '    z.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")',
      '    z.writestr(info + "/RECORD", "")',
    ];
    await writeFile(script, lines.join('\n'));
    const { executable } = await python();
    const made = await capture({ command: executable, args: [script, wheel], env: {} });
    assert.equal(made.exit.code, 0, made.stderr);
  }

  const start = async (version: number): Promise<WatchedRun> => {
    const text = [
      'import heavy, velar',
      'app = velar.App("test")',
      `@app.function(image=velar.Image.debian_slim().pip_install(${JSON.stringify(wheel)}))`,
      `def f():\n    return ${version}\n`,
    ].join('\n');
    return harness.run(await harness.bundle({ 'app.py': text }), { qualname: 'f' });
  };

  const finished = async (version: number): Promise<WatchedRun> => {
    const run = await start(version);
    await run.ended;
    assert.equal(valueOf(run), version);
    return run;
  };

  /** Resolves when the container is ready for new code; nothing tells of that but its processes. */
  async function forkedAhead(): Promise<void> {
    for (;;) {
      const pid = harness.service.containers()[0]?.pid ?? 0;
      const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
      for (const child of children.split(' ').filter(Boolean)) {
        const called = await readFile(`/proc/${child}/comm`, 'utf8').catch(() => '');
        if (called.trim() === SPARE) return;
      }
      await delay(20);
    }
  }

  it('are each expected to take as long as they do that way', async () => {
    const runs = [await finished(1)];
    // Right after a call the runner that is forked ahead may give way to another; then an edit gets none.
    for (let version = 2; runs.length < 4 && version < 20; version += 1) {
      await forkedAhead();
      const edited = await finished(version);
      if (endOf(edited, 'imports').way === 'zygote') runs.push(edited);
    }
    const [container] = harness.service.containers();
    await harness.service.stopContainer(container?.container ?? '');
    runs.push(await finished(20));

    const imports = runs.map((run) => endOf(run, 'imports'));
    assert.deepEqual(
      imports.map(({ way }) => way),
      ['cold', 'zygote', 'zygote', 'zygote', 'cold'],
    );
    const took = imports.map(({ ms }) => ms ?? 0);
    assert.ok((took[0] ?? 0) > IMPORT_MS && (took[1] ?? 0) < (took[0] ?? 0), String(took));
    const records = runs.map((run) =>
      run.events.reduce(applyRunEvent, newRunRecord(run.id, 'app.py', 'f', 0)),
    );
    const expected = records.map(({ phases }) =>
      phases.map(({ phase, expectedMs }) => [phase, expectedMs] as const),
    );
    const ofImports = expected.map((phases) => new Map(phases).get('imports'));
    assert.deepEqual(ofImports.slice(0, 3), [null, null, took[1]]);
    assert.equal(ofImports[4], took[0], 'the cold import is measured against the cold one');
    for (const { phases } of records) {
      for (const phase of phases) assert.equal(slowness(phase, phase.ms ?? 0), null, phase.phase);
    }
    // Between the two cold starts none was told of a container, so nothing is mixed up there either.
    assert.equal(endOf(runs[4], 'container').way, 'cold');
    assert.equal(endOf(runs[0], 'image').way, 'build');
  });

  it('tell a run that joins a build what was printed before, and expect nothing of its part', async () => {
    const first = await start(1);
    const printed = async (run: WatchedRun): Promise<string[]> =>
      (await run.lines()).map(({ text }) => text);
    // The installer has printed, and goes on.
    await first.until(
      (event) =>
        event.type === 'phase' && event.phase === 'image' && /^reading /.test(event.detail ?? ''),
    );
    const second = await start(1);
    await Promise.all([first.ended, second.ended]);
    const [one, two] = [await printed(first), await printed(second)];
    assert.ok(one.some((line) => line.includes('heavy')));
    assert.deepEqual(two, one);
    assert.equal(new Set(one).size, one.length, `each line once: ${one.join('\n')}`);
    assert.equal(endOf(first, 'image').way, 'build');
    assert.equal(endOf(second, 'image').way, 'joined');
    const later = await finished(1);
    assert.equal(valueOf(later), 1);
  });
});

function endOf(run: WatchedRun | undefined, phase: string): PhaseEvent {
  const found = run?.events.find(
    (event) => event.type === 'phase' && event.phase === phase && event.status === 'done',
  );
  assert.ok(found?.type === 'phase', phase);
  return found;
}
