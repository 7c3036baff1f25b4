import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CostReport, UsageKind } from '../../../runtime/protocol/metering';
import { Harness, type WatchedRun } from './harness';

const APP = `
import time
import velar

app = velar.App("spend")

@app.function(scaledown_window=60)
def work(seconds):
    time.sleep(seconds)
    return seconds
`;
/** A dollar a second. */
const PRICES = { date: '2026-11-24', currency: 'USD', cpuUsdPerHour: 3600, gpus: [] };

const costOf = (run: WatchedRun): { seconds: number; usd: number } => {
  const event = run.events.find(({ type }) => type === 'cost');
  assert.ok(event?.type === 'cost');
  return event;
};
const msOf = ({ rows }: CostReport, kind: UsageKind): number =>
  rows.filter((row) => row.kind === kind).reduce((sum, { ms }) => sum + ms, 0);

describe('spending', function () {
  this.timeout(120_000);
  let harness: Harness;
  let bundle: string;
  before(async () => {
    const home = await mkdtemp(join(tmpdir(), 'velar-test-'));
    await writeFile(join(home, 'prices.json'), JSON.stringify(PRICES));
    harness = await Harness.open({ home });
    bundle = await harness.bundle({ 'app.py': APP });
  });
  after(() => harness.close());

  it('is what the runs were told, by function and kind; idle and starting containers cost nothing', async () => {
    const first = await harness.run(bundle, { qualname: 'work' }, [0.4]);
    await first.ended;
    const second = await harness.run(bundle, { qualname: 'work' }, [0.2]);
    await second.ended;
    const report = harness.service.costs.report(1);
    const told = costOf(first).usd + costOf(second).usd;
    assert.ok(Math.abs(told - (costOf(first).seconds + costOf(second).seconds)) < 1e-9);
    const usd = report.rows.reduce((sum, row) => sum + row.usd, 0);
    assert.ok(Math.abs(usd - told) < 1e-6, `${usd} ${told}`);
    const billed = ['imports', 'model-load', 'running'] as const;
    const ms = billed.reduce((sum, kind) => sum + msOf(report, kind), 0);
    assert.ok(Math.abs(ms / 1000 - told) < 1e-6, `${ms} ${told}`);
    assert.ok(msOf(report, 'running') >= 600, 'two calls slept for 0.6 s');
    assert.ok(msOf(report, 'running') < 5000);
    assert.ok(msOf(report, 'starting') > 0);
    assert.ok(msOf(report, 'idle') > 0);
    for (const { kind, usd: cost, app } of report.rows) {
      assert.equal(app, 'spend');
      if (kind === 'idle' || kind === 'starting') assert.equal(cost, 0);
    }
    assert.deepEqual([...new Set(report.rows.map((row) => row.function))].sort(), ['', 'work']);
    assert.match(report.terms.join(' '), /3600\.00 USD an hour/);
  });

  it('warns near the end of a budget, stops at it, and lets nothing more begin', async () => {
    const { costs } = harness.service;
    const spent = costs.report(1).rows.reduce((sum, { usd }) => sum + usd, 0);
    const budget = costs.setBudget({ app: 'spend', period: 'day', usd: spent * 5 + 2 });
    assert.deepEqual([budget.state, Math.abs(budget.spentUsd - spent) < 1e-6], ['ok', true]);
    const run = await harness.run(bundle, { qualname: 'work' }, [600]);
    const ended = await run.ended;
    assert.equal(ended.status, 'failed');
    assert.ok(
      run.events.some(
        (event) =>
          event.type === 'phase' &&
          event.status === 'progress' &&
          /^[89]\d % of the day’s budget/.test(event.detail ?? ''),
      ),
      'it was warned',
    );
    const error = run.events.find((event) => event.type === 'error');
    assert.ok(error?.type === 'error');
    assert.deepEqual([error.error.kind, error.error.type], ['capacity', 'BudgetSpent']);
    assert.match(error.error.hint ?? '', /velar budget set USD --app spend/);
    // The time it takes to end a sleeping call is billed too.
    const state = costs.budgets()[0];
    assert.ok(state !== undefined && state.state === 'spent');
    assert.ok(state.spentUsd < budget.usd + 10, `${state.spentUsd} of ${budget.usd}`);
    const refused = await harness.run(bundle, { qualname: 'work' }, [0]);
    assert.equal((await refused.ended).status, 'failed');
    assert.equal(costOf(refused).usd, 0);
    costs.removeBudget('spend');
    assert.throws(() => costs.removeBudget('spend'), /no budget for the app spend/);
    const again = await harness.run(bundle, { qualname: 'work' }, [0]);
    assert.equal((await again.ended).status, 'succeeded');
  });

  it('bills no deploy for the containers that it brings up, and says so beside the figures', async () => {
    const imports = 'import time\ntime.sleep(0.3)\n';
    const shown = APP.replace('"spend"', '"shown"');
    const deployed = await harness.bundle({ 'app.py': `${imports}${shown}` });
    const run = 'run-deploy0000001';
    const create = { run, bundle: deployed, file: 'app.py', cpu: false, commit: null };
    harness.service.deployments.create({ ...create, environment: 'staging' }, 'me');
    const deploy = harness.watch(run);
    assert.equal((await deploy.ended).status, 'succeeded');
    assert.deepEqual([costOf(deploy).usd, costOf(deploy).seconds], [0, 0]);
    const of = (report: CostReport): CostReport => ({
      ...report,
      rows: report.rows.filter((row) => row.app === 'shown'),
    });
    const before = of(harness.service.costs.report(1));
    assert.equal(
      before.rows.reduce((sum, { usd }) => sum + usd, 0),
      0,
    );
    assert.ok(msOf(before, 'prepared') >= 300, 'its imports are metered');
    assert.match(
      before.terms.join(' '),
      /Not billed:[^.]*what a deploy, [^.]* to see that its version/,
    );
    const call = 'run-call00000001';
    const given = { args: [{ json: 0.2 }], kwargs: {} };
    await harness.service.deployments.call(call, 'staging', 'shown', 'work', given);
    const called = harness.watch(call);
    await called.ended;
    const after = of(harness.service.costs.report(1));
    const usd = after.rows.reduce((sum, row) => sum + row.usd, 0);
    assert.ok(usd >= 0.2 && Math.abs(usd - costOf(called).usd) < 1e-6, `${usd}`);
    assert.equal(msOf(after, 'prepared'), msOf(before, 'prepared'));
  });
});
