import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ProcessEngine } from '../../../runtime/engines/process';
import { VelarError } from '../../../runtime/protocol/errors';
import type { RunEvent } from '../../../runtime/protocol/events';
import { madeUpCards, succeeded } from './deploying';
import {
  errorOf,
  Harness,
  phaseEnds,
  python,
  PYTHON_PACKAGES,
  valueOf,
  type WatchedRun,
} from './harness';

const says =
  (phase: string, text: RegExp) =>
  (event: RunEvent): boolean =>
    event.type === 'phase' &&
    event.phase === phase &&
    ['started', 'progress'].includes(event.status) &&
    text.test(event.detail ?? '');

describe('an image that is not there yet', function () {
  this.timeout(120_000);
  let harness: Harness;
  let pulled = (): void => undefined;
  let fails: Error | undefined;
  let begun = 0;
  let givenUp = 0;

  /** The process engine on one card that is made up; the image of a function named `slow` waits for the test. */
  beforeEach(async () => {
    const pull = new Promise<void>((resolve) => {
      pulled = resolve;
    });
    [begun, givenUp, fails] = [0, 0, undefined];
    harness = await Harness.open({
      gpus: madeUpCards('L4'),
      makeEngine: ({ home, store }) => {
        const engine = new ProcessEngine({
          home,
          pythonPackages: PYTHON_PACKAGES,
          blobs: store.blobs.root,
          volumes: store.volumes,
          python,
          environment: process.env,
        });
        const plan = engine.planImage.bind(engine);
        engine.planImage = async (fn, files) => {
          const planned = await plan(fn, files);
          if (fn.options.env['IMAGE'] !== 'slow') return planned;
          let there = false;
          planned.isReady = () => there;
          const ensure = planned.ensure.bind(planned);
          planned.ensure = async (listener, signal) => {
            if (there) return ensure(listener, signal);
            begun += 1;
            listener.progress('pulling', 'pull');
            await new Promise<void>((resolve, reject) => {
              void pull.then(resolve);
              signal.addEventListener('abort', () => {
                givenUp += 1;
                reject(new VelarError('cancelled', 'Cancelled.'));
              });
            });
            if (fails !== undefined) throw fails;
            await ensure(listener, signal);
            there = true;
            return { cached: false, pulled: true };
          };
          return planned;
        };
        return Promise.resolve(engine);
      },
    });
  });
  afterEach(() => harness.close());

  const start = async (app: string, name: string, gate = '', options = ''): Promise<WatchedRun> => {
    const files = {
      'app.py': [
        'import os, time, velar',
        `app = velar.App("${app}")`,
        `@app.function(gpu="L4", env={"IMAGE": "${name}"}${options})`,
        `def ${name}(gate):`,
        '    while gate and not os.path.exists(gate):',
        '        time.sleep(0.01)',
        '    return "done"',
      ].join('\n'),
    };
    return harness.run(await harness.bundle(files), { qualname: name }, [gate]);
  };

  it('holds no card while it is pulled, and then waits for one in turn, each phase ended once', async () => {
    const slow = await start('slow', 'slow');
    await slow.until(says('image', /pulling/));
    assert.deepEqual(harness.service.containers(), []);
    // The card is for others meanwhile, also for one that is not over when the image is there.
    await succeeded(await start('quick', 'f'));
    const gate = join(harness.home, 'gate');
    const busy = await start('busy', 'f', gate);
    await busy.until((event) => event.type === 'phase' && event.phase === 'running');
    pulled();
    await slow.until(says('container', /^waiting for a free L4: in use by busy; 1st in line$/));
    const behind = await start('behind', 'f');
    await behind.until(says('queued', /in use by busy; 2nd in line/));
    await writeFile(gate, '');
    await Promise.all([succeeded(slow), succeeded(behind), succeeded(busy)]);
    assert.equal(valueOf(slow), 'done');
    assert.deepEqual(phaseEnds(slow), [
      'queued done',
      'provisioning skipped',
      'image done',
      'container done',
      'imports done',
      'model-load skipped',
      'running done',
    ]);
    assert.equal(begun, 1);
  });

  it('is told to whoever comes while it is pulled, and is given up when nobody waits any more', async () => {
    const first = await start('slow', 'slow');
    await first.until(says('image', /pulling/));
    const second = await start('slow', 'slow');
    await second.until(says('image', /pulling/));
    harness.service.cancel(first.id);
    assert.equal((await first.ended).status, 'cancelled');
    assert.equal(givenUp, 0);
    harness.service.cancel(second.id);
    assert.equal((await second.ended).status, 'cancelled');
    assert.equal(givenUp, 1);
    // The next one begins anew.
    const third = await start('slow', 'slow');
    await third.until(says('image', /pulling/));
    pulled();
    await succeeded(third);
    assert.equal(begun, 2);
  });

  it('that can’t be had ends those who wait for it, in the phase of the image', async () => {
    const run = await start('slow', 'slow', '', ', min_containers=1');
    await run.until(says('image', /pulling/));
    fails = new Error('no such image');
    pulled();
    assert.equal((await run.ended).status, 'failed');
    assert.match(errorOf(run).message, /no such image/);
    assert.ok(phaseEnds(run).includes('image failed'), phaseEnds(run).join());
    assert.equal(begun, 1, 'it is not tried again and again for nobody');
    await succeeded(await start('quick', 'f'));
  });

  it('ends with its runtime', async () => {
    const run = await start('slow', 'slow');
    await run.until(says('image', /pulling/));
    await harness.service.dispose();
    assert.equal((await run.ended).status, 'cancelled');
    assert.equal(givenUp, 1);
  });
});
