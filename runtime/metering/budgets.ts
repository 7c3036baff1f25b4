/** Budgets: what was spent of them, and when what is going on will have used up the rest. Pure. */
import type { Budget, BudgetState } from '../protocol/metering';
import { monthOf } from '../protocol/days';

/** Share of a budget from which on people are warned. */
export const WARN_AT = 0.8;

/** A container that is being billed now. */
export interface Spending {
  app: string;
  /** Not yet in the store. */
  usd: number;
  usdPerHour: number;
}

/** First day of the period that `today` is in. */
export function periodStart({ period }: Pick<Budget, 'period'>, today: string): string {
  return period === 'day' ? today : monthOf(today);
}

export function stateOf(budget: Budget, spentUsd: number): BudgetState {
  const state =
    spentUsd >= budget.usd ? 'spent' : spentUsd >= budget.usd * WARN_AT ? 'warned' : 'ok';
  return { ...budget, spentUsd, state };
}

/** Dollars spent of a budget, what is going on included. */
export function spentOf(
  { app }: Pick<Budget, 'app'>,
  stored: ReadonlyMap<string, number>,
  going: readonly Spending[],
): number {
  const ofApps = [...stored].filter(([name]) => app === null || name === app);
  const now = going.filter((each) => app === null || each.app === app);
  return ofApps.reduce((sum, [, usd]) => sum + usd, 0) + now.reduce((sum, { usd }) => sum + usd, 0);
}

/** ms until the budget's next threshold at the present rate; Infinity where nothing is spent or none is left. */
export function msToThreshold(
  budget: Budget,
  spentUsd: number,
  going: readonly Spending[],
): number {
  const rate = going
    .filter((each) => budget.app === null || each.app === budget.app)
    .reduce((sum, { usdPerHour }) => sum + usdPerHour, 0);
  const next = [budget.usd * WARN_AT, budget.usd].find((threshold) => spentUsd < threshold);
  if (next === undefined || rate === 0) return Infinity;
  return ((next - spentUsd) / rate) * 3_600_000;
}

/** Whose budget it is, and what of it is gone, for people. */
export function budgetText({ app, period, usd, spentUsd }: BudgetState): string {
  const whose = app === null ? 'this runtime' : `the app ${app}`;
  const share = Math.floor((spentUsd / usd) * 100);
  return `${share} % of the ${period}’s budget of ${usd.toFixed(2)} USD for ${whose} is spent`;
}
