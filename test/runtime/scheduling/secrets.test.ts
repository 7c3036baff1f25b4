import assert from 'node:assert/strict';
import { ProcessEngine } from '../../../runtime/engines/process';
import type { Store } from '../../../runtime/store/store';
import {
  app,
  errorOf,
  Harness,
  python,
  PYTHON_PACKAGES,
  valueOf,
  type WatchedRun,
} from './harness';

function processEngine(home: string, store: Store): ProcessEngine {
  return new ProcessEngine({
    home,
    pythonPackages: PYTHON_PACKAGES,
    blobs: store.blobs.root,
    volumes: store.volumes,
    python,
    environment: process.env,
  });
}

describe('a function that names a secret', function () {
  this.timeout(90_000);
  let harness: Harness;
  beforeEach(async () => {
    harness = await Harness.open();
  });
  afterEach(() => harness.close());

  const LENGTH = app(
    'import os\n@app.function(secrets=[velar.Secret.from_name("hf")])\ndef f():\n    return [os.getpid(), os.environ["TOKEN"][::-1]]',
  );
  const run = async (bundle: string): Promise<WatchedRun> => {
    const started = await harness.run(bundle, { qualname: 'f' });
    await started.ended;
    return started;
  };

  it('is told the exact command where this runtime lacks it', async () => {
    const { type, message, hint, details } = errorOf(await run(await harness.bundle(LENGTH)));
    assert.equal(type, 'SecretNotFound');
    assert.match(message, /no secret named hf/);
    assert.match(hint ?? '', /`velar secret set hf VARIABLE`/);
    assert.deepEqual(details, { secret: 'hf' });
  });

  it('gets what was set last, also in a warm container, from the next run on', async () => {
    const bundle = await harness.bundle(LENGTH);
    const values: unknown[] = [];
    const containers = new Set<string>();
    for (const value of ['first-value', 'second-value']) {
      harness.store.secrets.set('hf', { TOKEN: value });
      const ended = await run(bundle);
      values.push((valueOf(ended) as unknown[])[1]);
      for (const event of ended.events) {
        if (event.type === 'container') containers.add(event.container);
      }
    }
    assert.deepEqual(values, ['eulav-tsrif', 'eulav-dnoces']);
    assert.equal(containers.size, 1, 'the container stays, only its runner is new');
    harness.store.secrets.remove('hf');
    assert.equal(errorOf(await run(bundle)).type, 'SecretNotFound');
  });

  it('is planned once, until one of the secrets changes', async () => {
    await harness.close();
    let plans = 0;
    harness = await Harness.open({
      makeEngine: ({ home, store }) => {
        const engine = processEngine(home, store);
        const plan = engine.planImage.bind(engine);
        engine.planImage = (...asked) => {
          plans += 1;
          return plan(...asked);
        };
        return Promise.resolve(engine);
      },
    });
    harness.store.secrets.set('hf', { TOKEN: 'first' });
    const bundle = await harness.bundle(LENGTH);
    const told = async (): Promise<unknown> => (valueOf(await run(bundle)) as unknown[])[1];
    for (let call = 0; call < 3; call += 1) assert.equal(await told(), 'tsrif');
    assert.equal(plans, 1);
    harness.store.secrets.set('hf', { TOKEN: 'second' });
    assert.equal(await told(), 'dnoces');
    assert.equal(await told(), 'dnoces');
    assert.equal(plans, 2);
  });

  it('is described without the values that its code carries', async () => {
    const bundle = await harness.bundle(
      app(
        '@app.function(secrets=[velar.Secret.from_dict({"TOKEN": "carried-by-code"})])\ndef f():\n    pass',
      ),
    );
    const never = new AbortController().signal;
    const described = await harness.service.describe(bundle, 'app.py', never);
    assert.ok('apps' in described);
    const [secret] = described.apps[0]?.functions[0]?.options.secrets ?? [];
    assert.deepEqual(Object.keys(secret?.values ?? {}), ['TOKEN']);
    assert.equal(JSON.stringify(described).includes('carried-by-code'), false);
  });
});
