import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Container } from '../../runtime/protocol/methods';
import { valueOf, type Harness, type WatchedRun } from '../runtime/scheduling/harness';
import { baseImage, containersOf, openDocker } from './support';

const none = (containers: Container[]): boolean => containers.length === 0;
const idle = (containers: readonly Container[]): Container[] =>
  containers.filter(({ state }) => state === 'idle');
const allIdle = (count: number) => (containers: Container[]) =>
  containers.length === count && idle(containers).length === count;

const INPUTS = 200;

describe('The pool on a real Docker engine', function () {
  this.timeout(300_000);
  let docker: Harness;
  let gates: string;
  beforeEach(async () => {
    docker = await openDocker({ cores: 5 });
    gates = docker.store.volumes.folder('gates');
  });
  afterEach(async () => {
    await docker.close();
    assert.deepEqual(await containersOf(docker), []);
  });

  /** Functions of one image that share the volume of the gates. */
  const app = (...functions: { options: string; lines: string[] }[]): Record<string, string> => ({
    'app.py': [
      'import os, time',
      'import velar',
      `image = velar.Image.from_registry(${JSON.stringify(baseImage())})`,
      'app = velar.App("test")',
      'gates = velar.Volume.from_name("gates")',
      ...functions.flatMap(({ options, lines }) => [
        `@app.function(image=image, memory=128, volumes={"/gates": gates}, ${options})`,
        ...lines,
      ]),
      '',
    ].join('\n'),
  });

  /** Adds up a map whose last inputs wait until so many containers are at work. */
  async function spread(containers: number, secondsEach: number): Promise<Set<string>> {
    const bundle = await docker.bundle(
      app(
        {
          options: `max_containers=${containers}, scaledown_window=1`,
          lines: [
            'def work(x):',
            '    open("/gates/" + os.environ["HOSTNAME"], "w").close()',
            `    time.sleep(${secondsEach})`,
            `    while x >= ${INPUTS - 50} and len(os.listdir("/gates")) < ${containers}:`,
            '        time.sleep(0.01)',
            '    return x',
          ],
        },
        {
          options: 'scaledown_window=1',
          lines: ['def total():', `    return sum(work.map(range(${INPUTS})))`],
        },
      ),
    );
    const names = new Set<string>();
    const stop = docker.service.onContainers((all) => {
      for (const { container } of all) names.add(container);
    });
    const run = await docker.run(bundle, { qualname: 'total' });
    await run.ended;
    assert.equal(valueOf(run), (INPUTS * (INPUTS - 1)) / 2);
    await docker.containersUntil(none);
    stop();
    // Nothing was closed yet: the window alone has ended them.
    assert.deepEqual(await containersOf(docker), []);
    return names;
  }

  it('spreads a map of 200 inputs over max_containers, and goes back to none by itself', async () => {
    // Four at work, and the one that made the calls.
    assert.equal((await spread(4, 0.05)).size, 5);
  });

  it('brings sixteen containers up and down again', async () => {
    assert.equal((await spread(16, 0.5)).size, 17);
  });

  /** A function that works until the file of its number is there. */
  const gated = (options: string, more = ''): Record<string, string> =>
    app({
      options,
      lines: [
        'def f(number):',
        '    while not os.path.exists(f"/gates/{number}"):',
        '        time.sleep(0.01)',
        `    return number${more}`,
      ],
    });
  const openGate = (number: number): Promise<void> => writeFile(join(gates, String(number)), '');

  it('keeps min_containers, and lets them go when changed code wants none', async () => {
    await openGate(0);
    const keeping = await docker.bundle(gated('min_containers=2, scaledown_window=0'));
    const first = await docker.run(keeping, { qualname: 'f' }, [0]);
    await first.ended;
    await docker.containersUntil(allIdle(2));
    assert.equal((await containersOf(docker)).length, 2);
    const letting = await docker.bundle(gated('scaledown_window=0', ' + 1'));
    const second = await docker.run(letting, { qualname: 'f' }, [0]);
    await second.ended;
    assert.equal(valueOf(second), 1);
    await docker.containersUntil(none);
    assert.deepEqual(await containersOf(docker), []);
  });

  it('holds buffer_containers beyond the busy ones, and drops them with the last', async () => {
    const bundle = await docker.bundle(
      gated('buffer_containers=1, max_containers=3, scaledown_window=1'),
    );
    const runs: WatchedRun[] = [];
    for (const [number, spare] of [
      [1, 1],
      [2, 1],
      [3, 0],
    ] as const) {
      const run = await docker.run(bundle, { qualname: 'f' }, [number]);
      await run.until((event) => event.type === 'phase' && event.phase === 'running');
      await docker.containersUntil(
        (all) => idle(all).length === spare && all.length === number + spare,
      );
      assert.equal((await containersOf(docker)).length, number + spare);
      runs.push(run);
    }
    await Promise.all([1, 2, 3].map(openGate));
    await Promise.all(runs.map((run) => run.ended));
    assert.deepEqual(runs.map(valueOf), [1, 2, 3]);
    await docker.containersUntil(none);
    assert.deepEqual(await containersOf(docker), []);
  });
});
