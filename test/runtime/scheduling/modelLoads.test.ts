import assert from 'node:assert/strict';
import { app, errorOf, Harness, phaseEnds, valueOf, type WatchedRun } from './harness';

/** A stand-in for transformers: its name, and a loader that takes a moment. */
const TRANSFORMERS = `
import time
class Model:
    @classmethod
    def from_pretrained(cls, name):
        time.sleep(0.2)
        return cls()
`;

describe('model loads of calls', function () {
  this.timeout(60_000);
  let harness: Harness;
  beforeEach(async () => {
    harness = await Harness.open();
  });
  afterEach(() => harness.close());

  async function run(bundle: string): Promise<WatchedRun> {
    const watched = await harness.run(bundle, { qualname: 'f' });
    await watched.ended;
    return watched;
  }

  it('happen once a container, and say so the second time', async () => {
    const bundle = await harness.bundle({
      ...app(
        '@app.function()\ndef f():\n    from transformers import Model\n    return id(Model.from_pretrained("gpt2"))',
      ),
      'transformers.py': TRANSFORMERS,
    });
    const [first, second] = [await run(bundle), await run(bundle)];
    assert.equal(valueOf(first), valueOf(second));
    const ended = (watched: WatchedRun) =>
      watched.events.find(
        (event) =>
          event.type === 'phase' &&
          event.phase === 'model-load' &&
          ['done', 'skipped'].includes(event.status),
      );
    const [loaded, skipped] = [ended(first), ended(second)];
    assert.ok(loaded?.type === 'phase' && loaded.status === 'done' && (loaded.ms ?? 0) >= 200);
    assert.ok(skipped?.type === 'phase' && skipped.status === 'skipped');
    assert.match(skipped.detail ?? '', /^already in memory: gpt2 \(.+\)$/);
    assert.ok(phaseEnds(second).includes('model-load skipped'));
  });

  it('do not count against the timeout, which holds again once they are over', async () => {
    const bundle = await harness.bundle({
      ...app(
        'import time, velar\n@app.function(timeout=0.5, startup_timeout=60)\ndef f():\n    with velar.phase("load"):\n        time.sleep(1)\n    time.sleep(40)',
      ),
    });
    const started = Date.now();
    const watched = await run(bundle);
    assert.equal(errorOf(watched).type, 'FunctionTimeout');
    assert.ok(Date.now() - started < 20_000);
  });

  it('have a limit of their own, also where a loader inside has ended', async () => {
    const bundle = await harness.bundle({
      ...app(
        'import time, velar\n@app.function(timeout=0.5, startup_timeout=8)\ndef f():\n    from transformers import Model\n    with velar.phase("load"):\n        Model.from_pretrained("gpt2")\n        time.sleep(1)\n    with velar.phase("more"):\n        time.sleep(40)',
      ),
      'transformers.py': TRANSFORMERS,
    });
    const watched = await run(bundle);
    const error = errorOf(watched);
    assert.equal(error.type, 'StartupTimeout');
    assert.equal(error.traceback.at(-1)?.line, 12);
  });
});
