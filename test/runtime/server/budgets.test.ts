import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BudgetAlert } from '../../../runtime/protocol/metering';
import { silentLogger } from '../../../runtime/server/logger';
import { startServer, type Server } from '../../../runtime/server/server';
import { systemClock, type Clock } from '../../../runtime/scheduling/clock';
import type { ClientConnection } from '../../../src/client/api';
import { connect } from '../../../src/client/connection';
import { Harness } from '../scheduling/harness';
import { LinkClient } from './linkClient';

const TOKEN = 'owner-token-of-the-test';
/** A dollar an hour: what the machine takes by itself is no hundredth of a cent. */
const PRICES = { date: '2026-11-24', currency: 'USD', cpuUsdPerHour: 1, gpus: [] };
const MINUTE = 60_000;

const APP = `
import time
import velar

app = velar.App("held")

@app.function(timeout=600000)
def work():
    time.sleep(600)
`;

/** A client with all that it was told of budgets. */
class Listener {
  readonly told: BudgetAlert[][] = [];
  private readonly waiting = new Set<() => void>();

  constructor(readonly connection: ClientConnection) {
    connection.onBudgets((budgets) => {
      this.told.push(budgets);
      for (const check of [...this.waiting]) check();
    });
  }

  get states(): string[] {
    return this.told.map((budgets) => budgets.map(({ state }) => state).join());
  }

  /** Resolves when it was told so often. */
  async until(times: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const check = (): void => {
        if (this.told.length >= times) resolve();
      };
      this.waiting.add(check);
      check();
    });
  }
}

describe('a budget', function () {
  this.timeout(120_000);
  let harness: Harness;
  let server: Server;
  const open: ClientConnection[] = [];
  /** At noon of the 24th, and on from there as the test says, in ms. */
  const begins = new Date(2026, 10, 24, 12).getTime() - systemClock.now();
  let ahead = 0;
  const clock: Clock = {
    now: () => systemClock.now() + begins + ahead,
    monotonic: () => systemClock.monotonic() + ahead,
    timer: (ms, callback) => systemClock.timer(ms, callback),
  };
  /** Moves the clock on. Timers stay with the real one, so a budget that holds nothing has the others looked at. */
  const pass = (ms: number): void => {
    ahead += ms;
    harness.service.costs.setBudget({ app: 'other', period: 'day', usd: 1000 });
  };
  const client = async (): Promise<Listener> => {
    const connection = await connect(
      { url: server.localUrl, token: TOKEN },
      { client: { name: 'test', version: '0' } },
    );
    open.push(connection);
    return new Listener(connection);
  };

  before(async () => {
    const home = await mkdtemp(join(tmpdir(), 'velar-test-'));
    await writeFile(join(home, 'prices.json'), JSON.stringify(PRICES));
    harness = await Harness.open({ home, clock });
    server = await startServer({
      host: '127.0.0.1',
      port: 0,
      publicHosts: [],
      origins: [],
      pageFolder: '',
      tls: undefined,
      ownerToken: TOKEN,
      runtime: { id: 'rt-test', name: 'test', version: '0' },
      service: harness.service,
      store: harness.store,
      info: () => Promise.reject(new Error('not in this test')),
      doctor: () => Promise.resolve([]),
      release: () => false,
      logger: silentLogger,
    });
  });
  after(async () => {
    for (const connection of open) await connection.close();
    await server.close();
    await harness.close();
  });

  it('warns every client once at 80 %, those that come later too, and stops what runs at 100 %', async () => {
    const first = await client();
    const said: string[] = [];
    const unhear = harness.service.costs.onAlerts((alerts) => {
      said.push(alerts.map(({ state }) => state).join());
    });
    const older = new LinkClient(server.localUrl, TOKEN);
    await older.connect();
    // A dollar is an hour.
    harness.service.costs.setBudget({ app: 'held', period: 'month', usd: 1 });
    const bundle = await harness.bundle({ 'app.py': APP });
    const run = await harness.run(bundle, { qualname: 'work' });
    await run.until(
      (event) => event.type === 'phase' && event.phase === 'running' && event.status === 'started',
    );
    pass(40 * MINUTE);
    const before = await client();
    // Its answer is behind all that it was told.
    await before.connection.request('budget.list', {});
    assert.deepEqual([first.told, before.told], [[], []]);

    pass(10 * MINUTE);
    await Promise.all([first.until(1), before.until(1)]);
    const [warning] = first.told[0] ?? [];
    assert.ok(warning !== undefined);
    const { spentUsd, ...rest } = warning;
    assert.deepEqual(rest, {
      app: 'held',
      period: 'month',
      usd: 1,
      state: 'warned',
      since: '2026-11-01',
    });
    assert.ok(spentUsd >= 50 / 60 && spentUsd < 0.95, `${spentUsd}`);
    const later = await client();
    await later.until(1);
    assert.deepEqual(later.states, ['warned']);
    pass(MINUTE);
    assert.deepEqual(said, ['warned'], 'once');

    pass(10 * MINUTE);
    assert.equal((await run.ended).status, 'failed');
    const error = run.events.find((event) => event.type === 'error');
    assert.ok(error?.type === 'error' && error.error.type === 'BudgetSpent');
    const all = [first, before, later];
    await Promise.all(all.map(async (each) => each.until(2)));
    assert.deepEqual(said, ['warned', 'spent']);
    unhear();
    for (const { states } of all) assert.deepEqual(states, ['warned', 'spent']);
    // Its protocol does not have the message.
    await older.request('budget.list', {});
    assert.ok(older.messages.every(({ type }) => type !== 'budgets'));
    await older.goodbye();
  });
});
