import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database as Sqlite } from 'node-sqlite3-wasm';
import { bundleId, sha256Hex } from '../../../runtime/protocol/bundles';
import type { VelarError } from '../../../runtime/protocol/errors';
import type { RunEvent } from '../../../runtime/protocol/events';
import type { FileEntry, RunSummary } from '../../../runtime/protocol/methods';
import { BundleStore, DEFAULT_BUNDLE_LIMITS } from '../../../runtime/store/bundles';
import { openStore, type Store } from '../../../runtime/store/store';

function summary(run: string, status: RunSummary['status'] = 'active'): RunSummary {
  return {
    run,
    app: 'app',
    file: 'app.py',
    qualname: 'f',
    status,
    startedAt: 1000,
    ms: status === 'active' ? null : 5,
    gpu: null,
    usd: null,
    lines: 0,
    error: null,
  };
}

describe('store', () => {
  let home: string;
  let stores: Store[] = [];
  const errors: VelarError[] = [];
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'velar-store-'));
    errors.length = 0;
  });
  afterEach(() => {
    for (const store of stores) store.close();
    stores = [];
    rmSync(home, { recursive: true, force: true });
  });
  const open = (): Store => {
    const store = openStore(home, (error) => errors.push(error));
    stores.push(store);
    return store;
  };
  const close = (store: Store): void => {
    stores = stores.filter((other) => other !== store);
    store.close();
  };

  const RUN = 'run-0000000001';
  const EVENTS: RunEvent[] = [
    { type: 'phase', at: 1, phase: 'queued', status: 'progress', detail: 'left out' },
    { type: 'phase', at: 2, phase: 'queued', status: 'done', ms: 1 },
    { type: 'memory', at: 3, device: 'host', usedBytes: 1, totalBytes: null, source: 'rss' },
    { type: 'result', at: 4, result: { value: 42 } },
    { type: 'ended', at: 5, status: 'succeeded', ms: 5, lines: 0 },
  ];

  it('keeps runs and what is worth keeping of their events over a restart', () => {
    const first = open();
    first.runs.started(summary(RUN));
    first.runs.ended(summary(RUN, 'succeeded'), EVENTS);
    const id = first.runtimeId;
    close(first);
    const second = open();
    assert.equal(second.runtimeId, id);
    assert.deepEqual(second.runs.summary(RUN), summary(RUN, 'succeeded'));
    assert.deepEqual(second.runs.events(RUN), [EVENTS[1], EVENTS[3], EVENTS[4]]);
    assert.deepEqual(second.runs.list(10), [summary(RUN, 'succeeded')]);
    assert.equal(second.runs.summary('run-unknown000'), undefined);
    assert.deepEqual(second.interrupted, []);
  });

  it('ends runs that a killed runtime left going, and says why', () => {
    const first = open();
    first.runs.started(summary(RUN));
    first.database.flush();
    // A process that is killed closes nothing: its lock folder and log stay.
    mkdirSync(join(home, 'velar.db.lock'), { recursive: true });
    const second = open();
    assert.deepEqual(
      second.interrupted.map(({ run, status }) => [run, status]),
      [[RUN, 'failed']],
    );
    assert.equal(second.runs.summary(RUN)?.error?.kind, 'infrastructure');
    assert.match(
      second.runs.summary(RUN)?.error?.message ?? '',
      /stopped while this run was going/,
    );
    assert.deepEqual(
      second.runs.events(RUN)?.map(({ type }) => type),
      ['error', 'ended'],
    );
    stores = [second];
  });

  it('refuses a store of a newer version and one that is damaged, each with what to do', () => {
    close(open());
    const sqlite = new Sqlite(join(home, 'velar.db'));
    sqlite.exec('PRAGMA locking_mode=EXCLUSIVE');
    sqlite.exec('PRAGMA user_version=99');
    sqlite.close();
    assert.throws(open, { code: 'conflict' });
    writeFileSync(
      join(home, 'velar.db'),
      'this is no database, only text that is long enough'.repeat(50),
    );
    assert.throws(
      open,
      (error: VelarError) => error.code === 'internal' && error.hint !== undefined,
    );
  });

  it('remembers devices by the hash of their token only', () => {
    const device = {
      id: 'dev-1',
      name: 'laptop',
      tokenSha256: sha256Hex('t'),
      pairedAt: 1,
      lastSeenAt: null,
    };
    const first = open();
    first.devices.add(device);
    first.devices.seen('dev-1', 77);
    close(first);
    const second = open();
    assert.deepEqual(second.devices.list(), [{ ...device, lastSeenAt: 77 }]);
    assert.ok(second.devices.remove('dev-1'));
    assert.equal(second.devices.remove('dev-1'), false);
    close(second);
    assert.deepEqual(open().devices.list(), []);
  });

  const file = (path: string, content: string): FileEntry => ({
    path,
    sha256: sha256Hex(content),
    size: Buffer.byteLength(content),
    mode: 0o644,
  });

  it('counts a blob whose bytes a power cut took as missing, and a manifest too', async () => {
    const first = open();
    const files = [file('a.py', 'content')];
    const bundle = bundleId(files);
    await first.blobs.put(Buffer.from('content'));
    await first.bundles.offer({ bundle, content: { files } });
    assert.ok(first.bundles.complete(bundle));
    assert.deepEqual(first.bundles.manifest(bundle), files);
    truncateSync(first.blobs.path(sha256Hex('content')), 0);
    truncateSync(first.blobs.path(bundle), 0);
    close(first);
    const second = open();
    assert.equal(second.bundles.complete(bundle), false);
    assert.throws(() => second.bundles.manifest(bundle), { code: 'not-found' });
    await second.bundles.offer({ bundle, content: { files } });
    assert.deepEqual(second.bundles.missing(bundle), [sha256Hex('content')]);
    await second.blobs.put(Buffer.from('content'));
    assert.ok(second.bundles.complete(bundle));
  });

  it('takes no uploaded file for a manifest that is none', async () => {
    const store = open();
    const fakes = ['{"version":1,"files":[{"path":"../x"}]}', '{}', 'no JSON'];
    for (const fake of fakes) {
      const sha256 = await store.blobs.put(Buffer.from(fake));
      assert.equal(store.bundles.complete(sha256), false);
      assert.throws(() => store.bundles.manifest(sha256), { code: 'not-found' });
    }
  });

  it('holds a bundle to its limits', async () => {
    const { blobs } = open();
    const small = { ...DEFAULT_BUNDLE_LIMITS, files: 2, fileBytes: 10, totalBytes: 15 };
    const bundles = new BundleStore(blobs, small);
    const refused = (files: FileEntry[]) =>
      assert.rejects(bundles.offer({ bundle: bundleId(files), content: { files } }), {
        code: 'too-large',
      });
    await refused(['a', 'b', 'c'].map((name) => file(name, name)));
    await refused([file('a', 'x'.repeat(11))]);
    await refused([file('a', 'x'.repeat(9)), file('b', 'y'.repeat(9))]);
  });

  it('leaves no half-written blob behind, not even over a restart', async () => {
    const store = open();
    const content = Buffer.alloc(3 * 1024 * 1024, 'v');
    const id = { sha256: sha256Hex(content), size: content.byteLength };
    const writer = store.blobs.writer(id);
    await writer.write(content.subarray(0, 1024 * 1024));
    assert.equal(readdirSync(join(home, 'blobs', 'tmp')).length, 1);
    await assert.rejects(writer.write(content), { code: 'too-large' });
    await writer.abandon();
    assert.deepEqual(readdirSync(join(home, 'blobs', 'tmp')), []);
    const second = store.blobs.writer(id);
    await second.write(content.subarray(0, 1024 * 1024));
    close(store);
    open();
    assert.deepEqual(readdirSync(join(home, 'blobs', 'tmp')), []);
    assert.equal(existsSync(store.blobs.path(id.sha256)), false);
    await second.abandon();
  });
});
