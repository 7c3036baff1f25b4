import assert from 'node:assert/strict';
import { existsSync, utimesSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import type { StoredImage } from '../../../runtime/engines/engine';
import { imagesOver } from '../../../runtime/scheduling/storage';
import { app, Harness, valueOf } from './harness';

const HOUR = 3_600_000;

describe('images over their limit', () => {
  it('go least recently used first, as few as will do, none in use or just used', () => {
    const image = fc.record({
      key: fc.uuid(),
      owner: fc.constant('ours' as const),
      label: fc.constant(''),
      bytes: fc.integer({ min: 1, max: 100 }),
      lastUsedAt: fc.integer({ min: 0, max: 10 * HOUR }),
      inUse: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(image), fc.integer({ min: 0, max: 500 }), (images, limit) => {
        const now = 10 * HOUR;
        const gone = imagesOver(images, limit, now);
        const sum = (some: readonly StoredImage[]) =>
          some.reduce((all, { bytes }) => all + bytes, 0);
        assert.ok(gone.every(({ inUse, lastUsedAt }) => !inUse && now - lastUsedAt >= 600_000));
        const free = images.filter(
          ({ inUse, lastUsedAt }) => !inUse && now - lastUsedAt >= 600_000,
        );
        const left = sum(images) - sum(gone);
        assert.ok(left <= limit || gone.length === free.length);
        const last = gone.at(-1);
        if (last !== undefined) assert.ok(left + last.bytes > limit);
        const newest = Math.max(-1, ...gone.map(({ lastUsedAt }) => lastUsedAt));
        const stay = free.filter((each) => !gone.includes(each));
        assert.ok(stay.every(({ lastUsedAt }) => lastUsedAt >= newest));
      }),
    );
  });
});

describe('the disk of a runtime', function () {
  this.timeout(120_000);
  let harness: Harness;
  /** Resolves with what the log says of an image that goes. */
  let imageGone: Promise<string>;
  beforeEach(async () => {
    let tell: (message: string) => void = () => undefined;
    imageGone = new Promise((resolve) => {
      tell = (message) => {
        if (message.includes('over their limit')) resolve(message);
      };
    });
    harness = await Harness.open({
      environment: { ...process.env, VELAR_IMAGE_LIMIT_GB: '0' },
      logger: { info: (message) => tell(message), warn: () => undefined },
    });
  });
  afterEach(() => harness.close());

  /** An image as an earlier build has left it. */
  async function oldImage(key: string): Promise<string> {
    const folder = join(harness.home, 'images', key);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'big'), Buffer.alloc(10_000));
    const marker = join(folder, 'velar-image.json');
    await writeFile(marker, JSON.stringify({ python: '3.12.1', packages: ['torch'] }));
    const hoursAgo = (Date.now() - 5 * HOUR) / 1000;
    utimesSync(marker, hoursAgo, hoursAgo);
    return folder;
  }

  it('is listed with sizes, and gives back what is not in use', async () => {
    await oldImage('old');
    const bundle = await harness.bundle(
      app(
        'v = velar.Volume.from_name("data")\n@app.function(volumes={"/d": v})\ndef f():\n    open(v.path + "/x", "w").write("x" * 2000)\n    print("hello")\n    return 1',
      ),
    );
    const run = await harness.run(bundle, { qualname: 'f' });
    await run.ended;
    const { storage } = harness.service;
    const items = await storage.list();
    const of = (kind: string) => items.filter((item) => item.kind === kind);
    assert.deepEqual(
      of('volume').map(({ name, bytes, inUse }) => [name, bytes, inUse]),
      [['data', 2000, true]],
    );
    assert.ok(of('image').some(({ inUse, bytes }) => inUse && bytes > 0));
    assert.ok((of('bundles')[0]?.bytes ?? 0) > 0);
    assert.equal(of('bundles')[0]?.inUse, true);
    await assert.rejects(storage.remove('volume', 'data'), { code: 'conflict' });
    const image = of('image').find(({ inUse }) => inUse)?.name ?? '';
    await assert.rejects(storage.remove('image', image), { code: 'conflict' });
    await assert.rejects(storage.remove('image', 'none'), { code: 'not-found' });
    await assert.rejects(storage.remove('runs', 'run-1'), { code: 'not-found' });
    const longAgo = (Date.now() - HOUR) / 1000;
    for await (const { sha256 } of harness.store.blobs.all()) {
      utimesSync(harness.store.blobs.path(sha256), longAgo, longAgo);
    }
    await storage.remove('bundles', 'all');
    const [container] = harness.service.containers();
    await harness.service.stopContainer(container?.container ?? '');
    assert.equal(await storage.remove('volume', 'data'), 2000);
    const again = await harness.run(bundle, { qualname: 'f' });
    await again.ended;
    assert.equal(valueOf(again), 1, 'a bundle in use was not taken apart');
  });

  it('loses an old image after a build, said in the log, and keeps the new one', async () => {
    const folder = await oldImage('old');
    const run = await harness.run(
      await harness.bundle(app('@app.function()\ndef f():\n    return 1')),
      {
        qualname: 'f',
      },
    );
    await run.ended;
    assert.match(await imageGone, /Python 3\.12\.1 with torch, 10\.\d kB, old/);
    assert.equal(existsSync(folder), false);
    const images = (await harness.service.storage.list()).filter(({ kind }) => kind === 'image');
    assert.equal(images.length, 1);
  });
});
