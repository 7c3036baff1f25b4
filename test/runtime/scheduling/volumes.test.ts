import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { app, Harness, valueOf } from './harness';

describe('a volume of a function', function () {
  this.timeout(90_000);
  let harness: Harness;
  beforeEach(async () => {
    harness = await Harness.open();
  });
  afterEach(() => harness.close());

  const counting = (step: number) =>
    app(
      `data = velar.Volume.from_name("counts")
@app.function(volumes={"/data": data})
def count():
    import os
    path = os.path.join(data.path, "count")
    n = int(open(path).read()) if os.path.exists(path) else 0
    open(path, "w").write(str(n + ${String(step)}))
    return n`,
    );

  it('keeps what one run wrote for the next, and says that it lies elsewhere', async () => {
    const first = await harness.run(await harness.bundle(counting(1)), { qualname: 'count' });
    await first.ended;
    const second = await harness.run(await harness.bundle(counting(2)), { qualname: 'count' });
    await second.ended;
    assert.deepEqual([valueOf(first), valueOf(second)], [0, 1]);
    const folder = join(harness.home, 'volumes', 'counts');
    assert.equal(readFileSync(join(folder, 'count'), 'utf8'), '3');
    const details = first.events.map((event) => (event.type === 'phase' ? event.detail : ''));
    assert.ok(details.some((detail) => detail?.includes('volumes at another path') === true));
  });

  it('can’t be removed while its container lives, and can afterwards', async () => {
    const run = await harness.run(await harness.bundle(counting(1)), { qualname: 'count' });
    await run.ended;
    const { volumes } = harness.store;
    await assert.rejects(volumes.remove('counts'), { code: 'conflict' });
    const [container] = harness.service.containers();
    assert.ok(container);
    await harness.service.stopContainer(container.container);
    await volumes.remove('counts');
    assert.equal(existsSync(join(harness.home, 'volumes', 'counts')), false);
    const again = await harness.run(await harness.bundle(counting(1)), { qualname: 'count' });
    await again.ended;
    assert.equal(valueOf(again), 0);
  });
});
