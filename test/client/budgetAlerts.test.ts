import assert from 'node:assert/strict';
import type { BudgetAlert } from '../../runtime/protocol/metering';
import { newAlerts } from '../../src/client/budgetAlerts';
import { budgetAlertText } from '../../src/client/costText';

const ALERT: BudgetAlert = {
  app: 'X',
  period: 'month',
  usd: 10,
  spentUsd: 8.1,
  state: 'warned',
  since: '2026-11-01',
};

describe('warnings of budgets', () => {
  it('say what was spent of what', () => {
    assert.equal(
      budgetAlertText(ALERT),
      'velar budget: app X has spent $8.10 of $10.00 this month',
    );
    assert.equal(
      budgetAlertText({ ...ALERT, app: null, period: 'day', spentUsd: 10.02, state: 'spent' }),
      'velar budget: this runtime has spent $10.02 of $10.00 today; nothing more runs until the next day',
    );
  });

  it('are told once a period, runtime, sum and state, and no warning after the end', () => {
    let told: readonly string[] = [];
    const fresh = (change: Partial<BudgetAlert>, runtime = 'a'): number => {
      const found = newAlerts([{ ...ALERT, ...change }], told, runtime);
      ({ told } = found);
      return found.fresh.length;
    };
    assert.equal(fresh({}), 1);
    assert.equal(fresh({ spentUsd: 9 }), 0, 'it is known');
    assert.equal(fresh({}, 'b'), 1, 'another runtime');
    assert.equal(fresh({ usd: 9 }), 1, 'another sum');
    assert.equal(fresh({ state: 'spent' }), 1, 'the end');
    assert.equal(fresh({}), 0, 'near the end, after it');
    assert.equal(fresh({ since: '2026-12-01' }), 1, 'another month');
  });
});
