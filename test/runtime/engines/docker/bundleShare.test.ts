import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BundleShare } from '../../../../runtime/engines/docker/bundleShare';
import { bundleId, sha256Hex } from '../../../../runtime/protocol/bundles';
import { openStore, type Store } from '../../../../runtime/store/store';
import { skipBecause } from '../../../support/skip';

/** Where Linux keeps a file system of its own in memory. */
const ELSEWHERE = '/dev/shm';

describe('What a container can read of the blobs', () => {
  let home: string;
  let store: Store;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'velar-share-'));
    store = openStore(home, assert.fail);
  });
  afterEach(() => {
    store.close();
    rmSync(home, { recursive: true, force: true });
  });

  async function bundle(...texts: string[]): Promise<string> {
    const files = texts.map((text, index) => ({
      path: `${index}.py`,
      sha256: sha256Hex(text),
      size: text.length,
      mode: 0o644,
    }));
    for (const text of texts) await store.blobs.put(Buffer.from(text));
    const id = bundleId(files);
    await store.bundles.offer({ bundle: id, content: { files } });
    return id;
  }
  const inside = (share: BundleShare, sha256: string): string =>
    join(share.folder, sha256.slice(0, 2), sha256);
  const names = (share: BundleShare): Set<string> =>
    new Set(readdirSync(share.folder).flatMap((each) => readdirSync(join(share.folder, each))));

  it('is the bundles that were brought, without a second copy of their bytes', async () => {
    const share = new BundleShare(join(home, 'shares', 'c-1'), store);
    await share.make();
    const first = await bundle('one', 'two');
    await bundle('of another app');
    await share.bring(first);
    assert.deepEqual(names(share), new Set([first, sha256Hex('one'), sha256Hex('two')]));
    const one = sha256Hex('one');
    assert.equal(statSync(inside(share, one)).ino, statSync(store.blobs.path(one)).ino);
    const second = await bundle('one', 'three');
    // As after a crash: what is there is not known.
    await new BundleShare(share.folder, store).bring(second);
    assert.equal(readFileSync(inside(share, sha256Hex('three')), 'utf8'), 'three');
    await share.remove();
    assert.equal(existsSync(share.folder), false);
    assert.equal(readFileSync(store.blobs.path(one), 'utf8'), 'one');
  });

  it('is copies where the folder is on another file system', async function () {
    if (!existsSync(ELSEWHERE) || statSync(ELSEWHERE).dev === statSync(home).dev) {
      skipBecause(this, 'There is no second file system here.');
    }
    const share = new BundleShare(mkdtempSync(join(ELSEWHERE, 'velar-share-')), store);
    try {
      await share.bring(await bundle('one'));
      assert.equal(readFileSync(inside(share, sha256Hex('one')), 'utf8'), 'one');
    } finally {
      await share.remove();
    }
  });

  it('says what to do where a file of the bundle is gone', async () => {
    const share = new BundleShare(join(home, 'shares', 'c-1'), store);
    await share.make();
    const broken = await bundle('one');
    rmSync(store.blobs.path(sha256Hex('one')));
    await assert.rejects(share.bring(broken), { code: 'bundle-incomplete', hint: /Run it again/ });
  });
});
