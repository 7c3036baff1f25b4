/** Records of a busy endpoint in the real store: the newest stay, and whatever people did stays beside them. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { loadPrices, type PriceTable } from '../../../runtime/metering/prices';
import { newRunId } from '../../../runtime/protocol/runIds';
import { systemClock } from '../../../runtime/scheduling/clock';
import { RunBook } from '../../../runtime/scheduling/runBook';
import type { Run } from '../../../runtime/scheduling/run';
import { Storage } from '../../../runtime/scheduling/storage';
import { openStore, type Store } from '../../../runtime/store/store';
import { SWEEP_LIMITS, type SweepLimits } from '../../../runtime/store/sweep';

const MIB = 1024 ** 2;
const DAY = 24 * 3_600_000;
const FAILED = { kind: 'user' as const, type: 'ValueError', message: 'no luck', traceback: [] };

describe('records of endpoints', function () {
  this.timeout(240_000);
  let home: string;
  let store: Store;
  let prices: PriceTable;
  let book: RunBook;
  let storage: Storage;
  let now: number;
  const problems: string[] = [];

  const open = (limits: Partial<SweepLimits> = {}): void => {
    store = openStore(home, (error) => problems.push(error.message));
    const clock = { ...systemClock, now: () => now };
    const warn = (message: string): number => problems.push(message);
    book = new RunBook(store, prices, clock, warn, 'process');
    storage = new Storage({
      store,
      engine: {
        storedImages: () => Promise.resolve([]),
        removeImage: () => Promise.resolve(0),
        removeLeftovers: () => Promise.resolve(0),
      },
      logger: { info: () => undefined, warn },
      environment: {},
      images: { kept: () => new Map() },
      bundlesInUse: () => [],
      runInUse: (run) => (book.find(run) ?? store.keptCalls.find(run)) !== undefined,
      limits: { ...SWEEP_LIMITS, ...limits },
      // Nothing but growth, and what the test asks for, is to remove anything.
      clock: { ...clock, timer: () => () => undefined },
    });
  };
  const close = async (): Promise<void> => {
    await book.dispose();
    await storage.dispose();
    store.close();
  };
  before(async () => {
    prices = await loadPrices(tmpdir(), join(process.cwd(), 'runtime', 'python'));
  });
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'velar-endpoint-runs-'));
    problems.length = 0;
    now = Date.now();
    open();
  });
  afterEach(async () => {
    await close();
    rmSync(home, { recursive: true, force: true });
    assert.deepEqual(problems, []);
  });

  const begin = (qualname: string, endpointOf?: string): Run =>
    book.begin({
      run: newRunId(),
      bundle: 'b'.repeat(64),
      file: 'app.py',
      qualname,
      kind: 'function',
      arguments: { args: [], kwargs: {} },
      cpu: true,
      ...(endpointOf === undefined ? {} : { environment: 'production' as const, endpointOf }),
    });
  const end = (run: Run, value: string): void => {
    book.end(run, value === '' ? { error: FAILED } : { result: { value } });
    storage.runEnded();
  };
  /** Calls as an endpoint has them; each tenth fails, each fiftieth prints. */
  const serve = async (
    calls: number,
    qualname = 'work',
    value = 'x'.repeat(500),
  ): Promise<void> => {
    for (let call = 0; call < calls; call += 1) {
      const run = begin(qualname, 'shop');
      if (call % 50 === 0) run.print('stdout', Buffer.from('hello\n'), 'container');
      end(run, call % 10 === 0 ? '' : value);
      now += 2;
      if (call % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await book.dispose();
  };
  const counts = (): Record<string, number> => {
    const rows = store.database.all(
      "SELECT COALESCE(endpoint, '') || ' ' || status AS name, COUNT(*) AS runs FROM runs GROUP BY name",
    );
    return Object.fromEntries(rows.map((row) => [String(row['name']), Number(row['runs'])]));
  };
  const of = (status: string, qualname = 'work'): number =>
    counts()[`["production","shop","${qualname}"] ${status}`] ?? 0;

  it('stay within their limits in store, folders and memory, however many calls come', async () => {
    const person = begin('mine');
    person.print('stdout', Buffer.from('printed\n'), 'container');
    end(person, 'kept');
    const heap = collector();
    await serve(10_000);
    const early = heap();
    await serve(30_000);
    const grown = heap() - early;
    await storage.prune();
    assert.equal(of('succeeded'), 500);
    assert.equal(of('failed'), 2000, 'what failed is kept for longer');
    assert.ok(readdirSync(store.runsFolder).length <= 2000 / 5 + 500 / 45 + 2, 'and their folders');
    assert.ok(statSync(join(home, 'velar.db')).size < 40 * MIB);
    assert.ok(grown < 4 * MIB, `${grown} bytes of memory for 30 000 calls`);
    assert.equal(book.find(person.id), person, 'still at hand with all its events');
    assert.deepEqual(
      store.runs.list(100).map(({ run }) => run),
      [person.id],
      'people’s runs are listed without them',
    );
    assert.equal(store.runs.listEndpoints(1000).length, 1000);
    await close();
    open();
    assert.equal(store.runs.summary(person.id)?.status, 'succeeded');
    assert.equal(store.journal(person.id).lines, 1);
  });

  it('are removed as calls end, without waiting for the hour', async () => {
    await serve(4000);
    await storage.dispose();
    assert.ok(of('succeeded') < 2500, `${of('succeeded')} are left`);
  });

  it('keep the bytes of each function and of all together bounded', async () => {
    await close();
    const endpoints = { ...SWEEP_LIMITS.endpoints, shareBytes: MIB, maxBytes: 2 * MIB };
    open({ endpoints });
    const bytes = (): number => store.runs.sizes.totals('endpoints').bytes;
    await serve(400, 'large', 'x'.repeat(20_000));
    await storage.prune();
    assert.ok(bytes() <= 2 * MIB && bytes() > MIB / 2, `${bytes()} of one function`);
    for (const name of ['two', 'three', 'four']) await serve(400, name, 'x'.repeat(20_000));
    await storage.prune();
    assert.ok(bytes() <= 2 * MIB && bytes() > MIB / 2, `${bytes()} of four functions`);
  });

  it('of a call that nobody waits for stays until it expires', async () => {
    const kept = begin('work', 'shop');
    store.keptCalls.begin({ run: kept.id, scope: 'scope', key: null, input: '' });
    end(kept, 'fetch me');
    store.keptCalls.end(kept.id, now + DAY, 100);
    await serve(3000);
    await storage.prune();
    const events = store.runs.events(kept.id) ?? [];
    assert.ok(events.some((event) => event.type === 'result'));
    now += DAY + 1;
    await storage.prune();
    assert.equal(store.runs.summary(kept.id), undefined);
  });

  it('know a run again that a client starts twice, and one that the store has from earlier', async () => {
    const first = begin('mine');
    end(first, 'one');
    assert.ok(book.knows(first.id), 'while it waits to be written');
    await close();
    open();
    assert.ok(book.knows(first.id));
    assert.equal(book.knows('run-0000000000'), false);
  });
});

/** Tells what is alive on the heap, in bytes. */
function collector(): () => number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  return () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
}
