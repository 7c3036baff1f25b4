/** Which warnings of budgets a client has not told yet. Pure. */
import type { BudgetAlert } from '../../runtime/protocol/metering';

/** So many are remembered, the newest. */
const REMEMBERED = 200;

/** Those of `alerts` that were not told in their period, and what is told with them. `runtime`: whose they are. */
export function newAlerts(
  alerts: readonly BudgetAlert[],
  told: readonly string[],
  runtime = '',
): { fresh: BudgetAlert[]; told: readonly string[] } {
  const keyOf = ({ app, since, period, usd }: BudgetAlert, state: BudgetAlert['state']): string =>
    JSON.stringify([runtime, app, since, period, usd, state]);
  // Who knows that a budget is spent needs no warning that it is nearly so.
  const fresh = alerts.filter(
    (alert) => !told.includes(keyOf(alert, alert.state)) && !told.includes(keyOf(alert, 'spent')),
  );
  const all = [...told, ...fresh.map((alert) => keyOf(alert, alert.state))];
  return { fresh, told: all.slice(-REMEMBERED) };
}
