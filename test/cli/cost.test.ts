import * as assert from 'node:assert/strict';
import { writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { costReportSchema } from '../../runtime/protocol/metering';
import { Workspace } from './velar';

const APP = `
import time
import velar

app = velar.App("bill")


@app.function()
def work():
    time.sleep(0.25)
`;
/** A dollar a second. */
const PRICES = { date: '2026-11-24', currency: 'USD', cpuUsdPerHour: 3600, gpus: [] };

describe('velar cost and velar budget', function () {
  this.timeout(120_000);
  const workspace = new Workspace({ 'bill.py': APP });
  before(() => {
    mkdirSync(workspace.home, { recursive: true });
    writeFileSync(join(workspace.home, 'prices.json'), JSON.stringify(PRICES));
  });
  after(() => {
    workspace.remove();
  });

  it('adds up what runs cost, and stops them at a budget', async () => {
    const empty = await workspace.run('cost');
    assert.match(empty.stdout, /No container worked in this time/);
    const run = await workspace.run('run', 'bill.py::work', '--json');
    assert.equal(run.code, 0, run.stderr);
    const told = run.stdout
      .split('\n')
      .filter((line) => line.includes('"type":"cost"'))
      .map((line) => (JSON.parse(line) as { usd: number }).usd)[0];
    assert.ok(told !== undefined && told >= 0.25);
    const listed = await workspace.run('cost', '--json', '--days', '1');
    const report = costReportSchema.parse(JSON.parse(listed.stdout));
    const usd = report.rows.reduce((sum, row) => sum + row.usd, 0);
    assert.ok(Math.abs(usd - told) < 1e-6, `${usd} ${told}`);
    const shown = await workspace.run('cost', '--by', 'app');
    assert.match(shown.stdout, /^APP +WORKED +IMPORTS/m);
    assert.match(shown.stdout, new RegExp(`^bill .* \\$${told.toFixed(told < 1 ? 4 : 2)}$`, 'm'));
    assert.match(shown.stdout, /Not billed: waiting in the queue/);

    const set = await workspace.run('budget', 'set', '0.10', '--per', 'day');
    assert.match(set.stdout, /At most \$0\.10\d* a day for this runtime/);
    assert.match((await workspace.run('budget')).stdout, /^\(this runtime\) .* spent$/m);
    const refused = await workspace.run('run', 'bill.py::work');
    assert.equal(refused.code, 4);
    assert.match(refused.stderr + refused.stdout, /budget of 0\.10 USD for this runtime is spent/);
    assert.equal((await workspace.run('budget', 'remove')).code, 2);
    assert.equal((await workspace.run('budget', 'remove', '--yes')).code, 0);
    assert.equal((await workspace.run('run', 'bill.py::work')).code, 0);
  });

  it('are told near the end of a budget: a run on stderr, costs below them', async () => {
    const told = await workspace.run('cost', '--json', '--days', '1');
    const { rows } = costReportSchema.parse(JSON.parse(told.stdout));
    const usd = rows.reduce((sum, row) => sum + row.usd, 0);
    const warning = /^velar budget: this runtime has spent \$[\d.]+ of \$[\d.]+ today$/m;
    assert.doesNotMatch((await workspace.run('cost')).stdout, warning);
    await workspace.run('budget', 'set', String(usd * 1.2), '--per', 'day');
    assert.match((await workspace.run('cost')).stdout, warning);
    // Whether the rest lasts for it makes no difference.
    const run = await workspace.run('run', 'bill.py::work');
    assert.match(run.stderr, warning);
    assert.doesNotMatch(run.stdout, warning);
    await workspace.run('budget', 'remove', '--yes');
  });

  it('names what it can’t take', async () => {
    for (const wrong of [
      ['cost', '--by', 'moon'],
      ['cost', '--days', '0'],
      ['budget', 'set', 'much'],
      ['budget', 'set', '5', '--per', 'year'],
    ]) {
      const { code, stderr } = await workspace.run(...wrong);
      assert.equal(code, 2, wrong.join(' '));
      assert.match(stderr, new RegExp(wrong.at(-1) ?? ''));
    }
  });
});
