import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { bundleId, sha256Hex } from '../../../runtime/protocol/bundles';
import type { FileEntry } from '../../../runtime/protocol/methods';
import { openStore, type Store } from '../../../runtime/store/store';
import {
  SWEEP_ALL,
  SWEEP_LIMITS,
  sweepBlobs,
  sweepRuns,
  type SweepLimits,
} from '../../../runtime/store/sweep';

const DAY = 24 * 3_600_000;
const NOW = Date.now();

describe('what is removed when the disk fills up', () => {
  let home: string;
  let store: Store;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'velar-sweep-'));
    store = openStore(home, (error) => {
      throw error;
    });
  });
  afterEach(() => {
    store.close();
    rmSync(home, { recursive: true, force: true });
  });

  /** Stores a bundle as if `daysAgo` days ago. */
  async function bundle(contents: readonly string[], daysAgo: number): Promise<string> {
    const at = (NOW - daysAgo * DAY) / 1000;
    const files: FileEntry[] = [];
    for (const content of contents) {
      const sha256 = await store.blobs.put(Buffer.from(content));
      utimesSync(store.blobs.path(sha256), at, at);
      files.push({ path: `${sha256.slice(0, 16)}.py`, sha256, size: content.length, mode: 0o644 });
    }
    const id = bundleId(files);
    await store.bundles.offer({ bundle: id, content: { files } });
    utimesSync(store.blobs.path(id), at, at);
    store.bundleUses.used(id, at * 1000);
    return id;
  }
  const sweep = (limits: Partial<SweepLimits>, inUse: readonly string[] = []) =>
    sweepBlobs(
      store,
      { limits: { ...SWEEP_LIMITS, ...limits }, now: NOW, signal: new AbortController().signal },
      () => inUse,
    );
  const there = (content: string): boolean => existsSync(store.blobs.path(sha256Hex(content)));

  it('is old and beyond the newest bytes; what others share with it stays', async () => {
    const shared = 's'.repeat(100);
    const old = await bundle([shared, 'old'.repeat(100)], 40);
    const busy = await bundle(['busy'.repeat(100)], 40);
    const young = await bundle([shared, 'young'.repeat(100)], 2);
    assert.equal(
      (await sweep({ keepMs: 30 * DAY, keepBytes: 10_000 })).bytes,
      0,
      'under the limit',
    );
    const capped = await bundle(['capped'.repeat(100)], 3);
    await sweep({ keepBytes: 500, maxBytes: 500 }, [old, busy]);
    assert.throws(() => store.bundles.manifest(capped), { code: 'not-found' });
    const swept = await sweep({ keepMs: 30 * DAY, keepBytes: 500 }, [busy]);
    assert.equal(swept.count, 1);
    assert.ok(swept.bytes > 300);
    assert.deepEqual(
      ['s'.repeat(100), 'old'.repeat(100), 'busy'.repeat(100), 'young'.repeat(100)].map(there),
      [true, false, true, true],
    );
    assert.throws(() => store.bundles.manifest(old), { code: 'not-found' });
    assert.deepEqual(
      [young, busy].map((id) => store.bundles.complete(id)),
      [true, true],
    );
    store.close();
    store = openStore(home, () => undefined);
    assert.deepEqual(store.bundleUses.list().length, 2);
  });

  it('is never anything of a bundle that is used while it goes on: that is whole, or said to lack', async () => {
    const name = fc.integer({ min: 0, max: 11 });
    const contents = fc.array(name, { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(contents, { minLength: 1, maxLength: 8 }),
        fc.array(fc.tuple(fc.nat(7), fc.nat(30)), { maxLength: 5 }),
        async (made, uses) => {
          const ids: string[] = [];
          for (const each of made) {
            const names = [...new Set(each)].map((n) => `content-${String(n)}`.repeat(20));
            ids.push(await bundle(names, 40));
          }
          let over = false;
          const going = sweep(SWEEP_ALL).finally(() => {
            over = true;
          });
          for (const [which, turns] of uses) {
            for (let turn = 0; turn < turns && !over; turn += 1) {
              await new Promise((resolve) => setImmediate(resolve));
            }
            const id = ids[which % ids.length] ?? '';
            let lacks: string[];
            try {
              lacks = store.bundles.missing(id);
            } catch {
              continue;
            }
            const whole = new Set(store.bundles.manifest(id).map(({ sha256 }) => sha256));
            for (const sha256 of lacks) whole.delete(sha256);
            await going;
            for (const sha256 of whole) assert.ok(existsSync(store.blobs.path(sha256)), sha256);
            assert.deepEqual(store.bundles.missing(id), lacks);
          }
          await going;
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is no run that goes on, is at hand or is young', async () => {
    const started = (run: string, daysAgo: number, over: boolean): void => {
      const status = over ? ('succeeded' as const) : ('active' as const);
      const base = { app: null, file: 'a.py', qualname: 'f', gpu: null, usd: null, error: null };
      const summary = { ...base, run, status, startedAt: NOW - daysAgo * DAY, ms: 1, lines: 1 };
      store.runs.started(summary);
      if (over) store.runs.ended(summary, []);
    };
    const ids = ['run-0000000001', 'run-0000000002', 'run-0000000003', 'run-0000000004'] as const;
    for (const id of ids) {
      const journal = store.newJournal(id);
      journal.append('stdout', Buffer.from('x'.repeat(1000)), NOW);
      await journal.close();
    }
    started(ids[0], 50, true);
    started(ids[1], 45, true);
    started(ids[2], 40, false);
    started(ids[3], 1, true);
    const signal = new AbortController().signal;
    const swept = (keepBytes: number, more: Partial<SweepLimits> = {}) =>
      sweepRuns(
        store,
        { limits: { ...SWEEP_LIMITS, keepBytes, ...more }, now: NOW, signal },
        (run) => run === ids[1],
      );
    assert.equal((await swept(100_000)).count, 0);
    assert.deepEqual((await swept(1000)).count, 1);
    assert.deepEqual(readdirSync(store.runsFolder).sort(), ids.slice(1));
    assert.equal(store.runs.summary(ids[0]), undefined);
    assert.deepEqual(
      store.runs.list(10).map(({ run }) => run),
      [ids[3], ids[2], ids[1]],
    );
    assert.equal((await swept(1000, { maxBytes: 2000 })).count, 0, 'the newest fits');
    assert.equal((await swept(1000, { maxBytes: 1000 })).count, 1, 'however young');
    assert.deepEqual(
      store.runs.list(10).map(({ run }) => run),
      [ids[2], ids[1]],
    );
  });
});
