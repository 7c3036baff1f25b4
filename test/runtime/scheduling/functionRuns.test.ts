import assert from 'node:assert/strict';
import { app, errorOf, Harness, phaseEnds, valueOf } from './harness';

describe('a run of a function', function () {
  this.timeout(60_000);
  let harness: Harness;
  before(async () => {
    harness = await Harness.open();
  });
  after(() => harness.close());

  it('goes through the seven phases once each and gives the result', async () => {
    const bundle = await harness.bundle(
      app('@app.function()\ndef square(x):\n    print("squaring", x)\n    return x * x'),
    );
    const run = await harness.run(bundle, { qualname: 'square' }, [7]);
    const { status, lines, ms } = await run.ended;
    assert.equal(status, 'succeeded', JSON.stringify(run.events));
    assert.equal(valueOf(run), 49);
    assert.deepEqual(phaseEnds(run), [
      'queued done',
      'provisioning skipped',
      'image done',
      'container done',
      'imports done',
      'model-load skipped',
      'running done',
    ]);
    assert.equal(lines, 1);
    assert.deepEqual(
      (await run.lines()).map((line) => line.text),
      ['squaring 7'],
    );
    const sum = run.events
      .filter((event) => event.type === 'phase')
      .filter((event) => event.status === 'done')
      .reduce((total, event) => total + (event.ms ?? 0), 0);
    assert.ok(Math.abs(sum - ms) < 1, `phases ${sum} ms, run ${ms} ms`);
  });

  it('reuses the warm container and skips its phases with the reason', async () => {
    const bundle = await harness.bundle(
      app('@app.function()\ndef square(x):\n    print("squaring", x)\n    return x * x'),
    );
    const run = await harness.run(bundle, { qualname: 'square' }, [8]);
    await run.ended;
    assert.equal(valueOf(run), 64);
    const skipped = run.events
      .filter((event) => event.type === 'phase')
      .filter((event) => event.status === 'skipped')
      .map((event) => `${event.phase}: ${event.detail}`);
    assert.deepEqual(skipped, [
      'provisioning: this machine',
      'image: image cached',
      'container: warm container',
      'imports: warm container',
      'model-load: no model loading seen',
    ]);
  });

  it('says once what its engine does not apply, of its own function alone', async () => {
    const bundle = await harness.bundle(
      app(
        'image = velar.Image.debian_slim().apt_install("ffmpeg")\n' +
          '@app.function(image=image, memory=2048, volumes={"/data": velar.Volume.from_name("d")})\n' +
          'def big():\n    return 1\n\n' +
          '@app.function(image=image)\ndef plain():\n    return 2',
      ),
    );
    const runs = await Promise.all(
      ['big', 'plain', 'big'].map((qualname) => harness.run(bundle, { qualname })),
    );
    await Promise.all(runs.map((run) => run.ended));
    const notes = runs.map((run) =>
      run.events
        .flatMap((event) => (event.type === 'phase' ? (event.detail ?? []) : []))
        .flatMap((detail) => detail.split(' · ').slice(1)),
    );
    assert.deepEqual(notes, [
      ['volumes at another path (Volume.path)', 'not applied: apt ffmpeg, memory=2048'],
      ['not applied: apt ffmpeg'],
      ['volumes at another path (Volume.path)', 'not applied: apt ffmpeg, memory=2048'],
    ]);
  });

  it('says where a function raised', async () => {
    const bundle = await harness.bundle(
      app('@app.function()\ndef broken():\n    print("before")\n    raise ValueError("no")'),
    );
    const run = await harness.run(bundle, { qualname: 'broken' });
    const { status, lines } = await run.ended;
    assert.equal(status, 'failed');
    const error = errorOf(run);
    assert.equal(error.kind, 'user');
    assert.equal(error.type, 'ValueError');
    assert.deepEqual(
      error.traceback.map(({ file, line }) => `${file}:${line}`),
      ['app.py:7'],
    );
    assert.equal(lines, 1);
  });
});
