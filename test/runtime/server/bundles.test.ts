import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleId, sha256Hex } from '../../../runtime/protocol/bundles';
import type { FileEntry } from '../../../runtime/protocol/methods';
import { Harness } from './harness';
import type { LinkClient } from './linkClient';

function entry(path: string, content: string | Buffer): FileEntry {
  const bytes = Buffer.from(content);
  return { path, sha256: sha256Hex(bytes), size: bytes.byteLength, mode: 0o644 };
}

/** Offers with the blobs right behind, as the client does. */
function offerWith(
  client: LinkClient,
  bundle: string,
  content: { files: FileEntry[] } | { base: string; upsert: FileEntry[]; remove: string[] },
  blobs: Buffer[],
  announced: Buffer[] = blobs,
) {
  const stream = client.openStream();
  const answer = client.request('bundle.offer', {
    bundle,
    content,
    upload: {
      stream,
      items: announced.map((blob) => ({ sha256: sha256Hex(blob), size: blob.byteLength })),
    },
  });
  client.sendData(stream, Buffer.concat(blobs), true);
  return answer;
}

describe('bundles over the link', () => {
  let harness: Harness;
  let client: LinkClient;
  beforeEach(async () => {
    harness = await Harness.start();
    client = await harness.connected();
  });
  afterEach(() => harness.stop());

  it('takes one changed file of a thousand in one round trip', async () => {
    const contents = Array.from({ length: 1000 }, (_, index) =>
      Buffer.from(`x = ${String(index)}\n`),
    );
    const files = contents.map((content, index) => entry(`pkg/m${String(index)}.py`, content));
    const base = bundleId(files);
    assert.deepEqual(await offerWith(client, base, { files }, contents), { missing: [] });
    const changed = Buffer.from('x = "changed"\n');
    const upsert = [entry('pkg/m500.py', changed)];
    const next = files.map((file) => (file.path === 'pkg/m500.py' ? (upsert[0] ?? file) : file));
    const bundle = bundleId(next);
    const before = client.messages.length;
    assert.deepEqual(await offerWith(client, bundle, { base, upsert, remove: [] }, [changed]), {
      missing: [],
    });
    assert.equal(client.messages.length - before, 1);
    const stored = harness.store.bundles
      .manifest(bundle)
      .find(({ path }) => path === 'pkg/m500.py');
    assert.equal(
      readFileSync(harness.store.blobs.path(stored?.sha256 ?? '')).toString(),
      changed.toString(),
    );
  });

  it('names what is missing, and takes it in a second step', async () => {
    const [one, two] = [Buffer.from('one'), Buffer.alloc(3 * 1024 * 1024, 'two')];
    const files = [entry('one.py', one), entry('two.bin', two)];
    const bundle = bundleId(files);
    const { missing } = await client.request('bundle.offer', { bundle, content: { files } });
    // What the first run will need starts while the files are on their way.
    assert.equal(harness.service.prepared, 1);
    assert.deepEqual(new Set(missing), new Set(files.map(({ sha256 }) => sha256)));
    assert.equal(harness.store.bundles.complete(bundle), false);
    const upload = async (blob: Buffer) => {
      const stream = client.openStream();
      const answer = client.request('bundle.upload', {
        bundle,
        upload: { stream, items: [{ sha256: sha256Hex(blob), size: blob.byteLength }] },
      });
      await client.sendPaced(stream, blob);
      return answer;
    };
    assert.deepEqual(await upload(one), { missing: [sha256Hex(two)] });
    assert.deepEqual(await upload(two), { missing: [] });
    assert.ok(harness.store.bundles.complete(bundle));
    assert.ok(readFileSync(harness.store.blobs.path(sha256Hex(two))).equals(two));
  });

  it('keeps nothing of a blob that is not what it claims to be', async () => {
    const honest = Buffer.from('print("honest")');
    const forged = Buffer.from('print("forged")');
    const files = [entry('app.py', honest)];
    const bundle = bundleId(files);
    await assert.rejects(offerWith(client, bundle, { files }, [forged], [honest]), {
      code: 'invalid',
    });
    assert.equal(harness.store.blobs.has(sha256Hex(honest)), false);
    assert.equal(harness.store.blobs.has(sha256Hex(forged)), false);
    assert.deepEqual(readdirSync(join(harness.home, 'blobs', 'tmp')), []);
    assert.equal(harness.store.bundles.complete(bundle), false);
    // The connection is as good as before.
    assert.deepEqual(await offerWith(client, bundle, { files }, [honest]), { missing: [] });
  });

  it('refuses an upload that stops short', async () => {
    const blob = Buffer.from('whole');
    const files = [entry('app.py', blob)];
    await assert.rejects(
      offerWith(client, bundleId(files), { files }, [blob.subarray(0, 3)], [blob]),
      { code: 'invalid' },
    );
    assert.equal(harness.store.blobs.has(sha256Hex(blob)), false);
  });

  it('asks for all files when it lacks the base', async () => {
    const files = [entry('app.py', 'x')];
    const content = { base: 'b'.repeat(64), upsert: files, remove: [] };
    await assert.rejects(client.request('bundle.offer', { bundle: bundleId(files), content }), {
      code: 'bundle-base-unknown',
    });
  });

  it('refuses a forged id and every path that leaves the bundle', async () => {
    const good = [entry('app.py', 'x')];
    await assert.rejects(
      client.request('bundle.offer', { bundle: 'c'.repeat(64), content: { files: good } }),
      { code: 'invalid' },
    );
    const paths = [
      '../x',
      '/etc/passwd',
      'a/../../x',
      'a//b',
      './a',
      'C:/x',
      'a\\..\\b',
      'a\0b',
      'a/',
    ];
    for (const path of paths) {
      const files = [entry(path, 'x')];
      await assert.rejects(
        client.request('bundle.offer', { bundle: bundleId(files), content: { files } }),
        { code: 'invalid' },
        path,
      );
    }
    for (const files of [
      [entry('a', 'x'), entry('a/b', 'y')],
      [entry('a', 'x'), entry('a', 'y')],
      [{ ...entry('a', 'x'), mode: 0o4755 }],
    ]) {
      await assert.rejects(
        client.request('bundle.offer', { bundle: bundleId(files), content: { files } }),
        { code: 'invalid' },
      );
    }
  });
});
