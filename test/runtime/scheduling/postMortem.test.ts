import assert from 'node:assert/strict';
import type { CapturedValue, PostMortem } from '../../../runtime/protocol/postMortem';
import { HIDDEN } from '../../../runtime/scheduling/secrets';
import { app, errorOf, Harness, type WatchedRun } from './harness';

describe('a run whose function raised', function () {
  this.timeout(90_000);
  let harness: Harness;
  beforeEach(async () => {
    harness = await Harness.open();
  });
  afterEach(() => harness.close());

  async function failed(body: string): Promise<WatchedRun> {
    const run = await harness.run(await harness.bundle(app(body)), { qualname: 'f' });
    await run.ended;
    return run;
  }

  function local({ exceptions, values }: PostMortem, name: string, frame = 0): CapturedValue {
    const found = exceptions[0]?.frames[frame]?.locals.find(([each]) => each === name);
    assert.ok(found, `no variable ${name}`);
    const value = values[found[1]];
    assert.ok(value);
    return value;
  }

  it('gives its frames with their variables, and keeps them as long as the run', async () => {
    const run = await failed(
      'def inner(items):\n    return items["b"]\n@app.function()\ndef f():\n    step = 7\n    return inner({"a": step})',
    );
    assert.equal(errorOf(run).inspectable, true);
    const frames = await harness.service.frames(run.id);
    assert.deepEqual(
      frames.exceptions[0]?.frames.map(({ file, text }) => [file, text]),
      [
        ['app.py', 'return items["b"]'],
        ['app.py', 'return inner({"a": step})'],
      ],
    );
    assert.equal(local(frames, 'step', 1).text, '7');
    assert.equal(local(frames, 'items').text, '1 item');

    await harness.service.dispose();
    assert.deepEqual(await harness.store.frames.read(run.id), frames);
  });

  it('gives those of the import of its file', async () => {
    const run = await failed(
      'rate = 3\nimport velar_no_such_module\n@app.function()\ndef f():\n    pass',
    );
    const frames = await harness.service.frames(run.id);
    assert.equal(frames.exceptions[0]?.type, 'ModuleNotFoundError');
    assert.equal(local(frames, 'rate').text, '3');
  });

  it('shows no secret in them, whole or cut', async () => {
    const secret = 'a-very-secret-value-that-nobody-shall-see';
    harness.store.secrets.set('hf', { TOKEN: secret });
    const run = await failed(
      'import os\n@app.function(secrets=[velar.Secret.from_name("hf")])\ndef f():\n    plain = os.environ["TOKEN"]\n    wrapped = {"header": ["Bearer " + plain]}\n    long = "x" * 480 + plain\n    raise ValueError("no access with " + plain)',
    );
    const frames = await harness.service.frames(run.id);
    assert.equal(JSON.stringify(frames).includes(secret.slice(0, 12)), false);
    assert.equal(local(frames, 'long').text, `${'x'.repeat(480)}${HIDDEN}`);
    assert.ok(local(frames, 'plain').text.length > 0);
  });

  it('has none where it went well, was cancelled, or is not known', async () => {
    const well = await failed('@app.function()\ndef f():\n    return 1');
    await assert.rejects(harness.service.frames(well.id), { code: 'not-found' });
    await assert.rejects(harness.service.frames('run-9999999999'), { code: 'not-found' });
    const bundle = await harness.bundle(
      app(
        'import time\n@app.function()\ndef f():\n    print("on", flush=True)\n    time.sleep(60)',
      ),
    );
    const run = await harness.run(bundle, { qualname: 'f' });
    await run.until((event) => event.type === 'phase' && event.phase === 'running');
    harness.service.cancel(run.id);
    await run.ended;
    assert.notEqual(errorOf(run).inspectable, true);
    await assert.rejects(harness.service.frames(run.id), { code: 'not-found' });
  });
});
