/** Holds budgets: warns people and the runs that go on near a budget's end, and stops these at it. */
import { VelarError } from '../protocol/errors';
import type { Budget, BudgetAlert, BudgetState } from '../protocol/metering';
import type { RunError } from '../protocol/values';
import {
  budgetText,
  msToThreshold,
  periodStart,
  spentOf,
  stateOf,
  type Spending,
} from '../metering/budgets';
import { hourlyUsd } from '../metering/cost';
import { dayOf, monthOf, periodEnd, startOfDay } from '../protocol/days';
import type { PriceTable } from '../metering/prices';
import type { UsageStore } from '../store/usage';
import type { Call } from './call';
import type { Clock } from './clock';
import type { Container } from './container';
import { whose } from './containerTime';
import type { Run } from './run';

export interface BudgetGuardOptions {
  usage: UsageStore;
  prices: PriceTable;
  clock: Clock;
  containers: () => Iterable<Container>;
  activeRuns: () => readonly Run[];
  cancel: (call: Call, error: RunError) => void;
  /** Brings the store up to date. */
  settle: () => void;
}

/** Dollars by app in the periods that go on. */
interface Spent {
  today: string;
  day: Map<string, number>;
  month: Map<string, number>;
}

export class BudgetGuard {
  private budgets: Budget[];
  private spent: Spent | undefined;
  /** What was told last of each budget, by app: the period and the state. */
  private readonly told = new Map<string | null, string>();
  /** What was said of budgets to whoever is connected: app, period, sum and state. */
  private readonly said = new Set<string>();
  private readonly listeners = new Set<(alerts: BudgetAlert[]) => void>();
  private timer: (() => void) | undefined;

  constructor(private readonly options: BudgetGuardOptions) {
    this.budgets = options.usage.budgets();
  }

  /** What an app was charged for time of a day. */
  charged(app: string, usd: number, of: string): void {
    if (this.budgets.length === 0) return;
    const { day, month, today } = this.spentNow();
    const add = (period: Map<string, number>): void =>
      void period.set(app, (period.get(app) ?? 0) + usd);
    if (of === today) add(day);
    if (of >= monthOf(today)) add(month);
  }

  /** Why an app may run nothing more for now; undefined where it may. */
  refusal(app: string): RunError | undefined {
    for (const budget of this.budgets) {
      if (budget.app !== null && budget.app !== app) continue;
      const state = this.stateOf(budget);
      if (state.state === 'spent') return this.overBudget(state);
    }
    return undefined;
  }

  states(): BudgetState[] {
    return this.budgets.map((budget) => this.stateOf(budget));
  }

  /** Budgets that are near their end or past it, what is going on included. */
  alerts(): BudgetAlert[] {
    return this.budgets.flatMap((budget) => this.alertOf(this.stateOf(budget, this.going(budget))));
  }

  onAlerts(listener: (alerts: BudgetAlert[]) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Sets the one budget of an app, or of the runtime. */
  set(budget: Budget): BudgetState {
    this.options.usage.setBudget(budget);
    this.read(budget.app);
    return this.stateOf(budget);
  }

  /** Throws `not-found`. */
  remove(app: string | null): void {
    if (!this.budgets.some((budget) => budget.app === app)) {
      const whom = app === null ? 'this runtime' : `the app ${app}`;
      throw new VelarError('not-found', `There is no budget for ${whom}.`, {
        hint: 'List the budgets with `velar budget`.',
      });
    }
    this.options.usage.removeBudget(app);
    this.read(app);
  }

  /** Warns and stops where that is due, and looks again when it may be. */
  review(): void {
    this.timer?.();
    this.timer = undefined;
    if (this.budgets.length === 0) return;
    let next = Infinity;
    const alerts: BudgetAlert[] = [];
    for (const budget of this.budgets) {
      const going = this.going(budget);
      const state = this.stateOf(budget, going);
      this.tell(state);
      alerts.push(...this.alertOf(state));
      if (state.state === 'spent') this.stop(state);
      next = Math.min(next, msToThreshold(budget, state.spentUsd, going));
    }
    this.say(alerts);
    if (next === Infinity) return;
    // A moment later, so that the threshold is behind it for sure.
    this.timer = this.options.clock.timer(Math.ceil(next) + 1, () => this.review());
  }

  dispose(): void {
    this.timer?.();
    this.timer = undefined;
  }

  private read(changed: string | null): void {
    this.budgets = this.options.usage.budgets();
    this.spent = undefined;
    this.told.delete(changed);
    this.review();
  }

  /** Read from the store once a day; between that it is counted along. */
  private spentNow(): Spent {
    const today = dayOf(this.options.clock.now());
    if (this.spent?.today !== today) {
      this.options.settle();
      const { usage } = this.options;
      const month = usage.spent(monthOf(today), today);
      this.spent = { today, day: usage.spent(today, today), month };
    }
    return this.spent;
  }

  private stateOf(budget: Budget, going: readonly Spending[] = []): BudgetState {
    return stateOf(budget, spentOf(budget, this.spentNow()[budget.period], going));
  }

  /** What is being spent now and has not been charged; of what began before the budget's period, its part of it. */
  private going(budget: Budget): Spending[] {
    const { clock } = this.options;
    const now = clock.now();
    const periodMs = now - startOfDay(periodStart(budget, dayOf(now)));
    return [...this.options.containers()].flatMap((container) => {
      const { gpu, cards: count } = whose(container);
      const usdPerHour = hourlyUsd({ gpu, count }, this.options.prices);
      const begun = [...container.inflight.values()].filter((call) => call.startedAt !== undefined);
      const [first] = begun;
      if (usdPerHour === undefined || first === undefined) return [];
      const all = begun.reduce((sum, call) => sum + container.busyWith(call), 0);
      const busyMs = Math.min(all, periodMs);
      return [{ app: first.target.app, usd: (busyMs / 3_600_000) * usdPerHour, usdPerHour }];
    });
  }

  private alertOf(budget: BudgetState): BudgetAlert[] {
    const { state } = budget;
    if (state === 'ok') return [];
    return [{ ...budget, state, since: periodStart(budget, this.spentNow().today) }];
  }

  /** Says to whoever is connected what was not said yet. */
  private say(alerts: BudgetAlert[]): void {
    const before = this.said.size;
    for (const { app, since, period, usd, state } of alerts) {
      const key = (of: BudgetState['state']): string =>
        JSON.stringify([app, since, period, usd, of]);
      // One that is measured to be a little less than it seemed is not news.
      if (!this.said.has(key('spent'))) this.said.add(key(state));
    }
    if (this.said.size === before) return;
    for (const listener of [...this.listeners]) listener(alerts);
  }

  /** Says once in a period, to the runs that go on, that a budget is near its end. */
  private tell(state: BudgetState): void {
    const news = `${periodStart(state, this.spentNow().today)} ${state.state}`;
    if (state.state === 'ok' || this.told.get(state.app) === news) return;
    const runs = this.callsOf(state.app);
    // Where nobody is there to hear it, the next one hears it.
    if (runs.length === 0) return;
    this.told.set(state.app, news);
    for (const [run] of runs) {
      run.advance((timeline) => timeline.progress(budgetText(state)));
    }
  }

  private stop(state: BudgetState): void {
    for (const [, calls] of this.callsOf(state.app)) {
      for (const call of calls) this.options.cancel(call, this.overBudget(state));
    }
  }

  /** Tells when it is worth to try again. */
  private overBudget(state: BudgetState): RunError {
    const now = this.options.clock.now();
    return overBudget(state, Math.ceil((periodEnd(state.period, now) - now) / 1000));
  }

  private callsOf(app: string | null): [Run, Call[]][] {
    return this.options.activeRuns().flatMap((run): [Run, Call[]][] => {
      const calls = [...run.calls].filter(
        (call) => call.ending === undefined && (app === null || call.target.app === app),
      );
      return calls.length === 0 ? [] : [[run, calls]];
    });
  }
}

function overBudget(state: BudgetState, retryAfterS: number): RunError {
  const option = state.app === null ? '' : ` --app ${state.app}`;
  return {
    kind: 'capacity',
    type: 'BudgetSpent',
    message: `${budgetText(state)}: nothing more runs until the next ${state.period}.`,
    traceback: [],
    hint: `Raise it with \`velar budget set USD${option}\`, or remove it with \`velar budget remove${option}\`.`,
    details: { retryAfterS },
  };
}
