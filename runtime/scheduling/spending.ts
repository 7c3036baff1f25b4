/** Charges runs for what containers do for them, meters all of their time, and reports it. */
import type { Budget, BudgetState, CostReport, UsageKind } from '../protocol/metering';
import type { RunError } from '../protocol/values';
import { adviceFor } from '../metering/advice';
import { usdOf } from '../metering/cost';
import { dayOf, daysBefore, daysBetween } from '../protocol/days';
import { Meter } from '../metering/meter';
import { billingTerms } from '../metering/terms';
import { BudgetGuard, type BudgetGuardOptions } from './budgetGuard';
import type { Call } from './call';
import type { Container } from './container';
import { ContainerTime, whose } from './containerTime';
import type { CostService } from './service';
import { isReadiness } from './target';

export type SpendingOptions = Omit<BudgetGuardOptions, 'settle'>;

export class Spending implements CostService {
  private readonly meter: Meter;
  private readonly time: ContainerTime;
  private readonly guard: BudgetGuard;

  constructor(private readonly options: SpendingOptions) {
    this.meter = new Meter(options);
    this.time = new ContainerTime(options.clock, this.meter, options.containers);
    this.guard = new BudgetGuard({ ...options, settle: () => this.meter.flush() });
  }

  /** Containers changed. */
  changed(): void {
    this.time.changed();
    this.guard.review();
  }

  /** A container has worked on a call, of which loading the model took a part. */
  worked(container: Container, call: Call, busyMs: number): void {
    const loadMs = Math.min(call.modelLoadMs, busyMs);
    this.charge(container, call, 'model-load', loadMs);
    this.charge(container, call, 'running', busyMs - loadMs);
  }

  /** It has loaded code: for the call that waited first, as the others would not have had to wait without it. */
  loaded(container: Container, ms: number, waiting: Call | undefined): void {
    if (waiting !== undefined) this.charge(container, waiting, 'imports', ms);
    else this.meter.add({ ...whose(container), function: '', kind: 'prepared' }, ms);
  }

  /** Why an app may run nothing more for now; undefined where it may. */
  refusal(app: string): RunError | undefined {
    return this.guard.refusal(app);
  }

  report(days: number): CostReport {
    this.time.flush();
    this.meter.flush();
    const { usage, prices, clock } = this.options;
    const last = dayOf(clock.now());
    const first = daysBefore(last, days - 1);
    const rows = usage.rows(first, last);
    // Days before anything was metered are nobody's idle time.
    const advice = adviceFor(rows, daysBetween(rows[0]?.day ?? last, last), prices);
    return { first, last, rows, advice, terms: billingTerms(prices) };
  }

  budgets(): BudgetState[] {
    return this.guard.states();
  }

  setBudget(budget: Budget): BudgetState {
    return this.guard.set(budget);
  }

  removeBudget(app: string | null): void {
    this.guard.remove(app);
  }

  dispose(): void {
    this.guard.dispose();
    this.time.flush();
    this.meter.flush();
  }

  private charge(container: Container, call: Call, kind: UsageKind, ms: number): void {
    const { app, function: called } = call.target;
    const { gpu, cards } = whose(container);
    if (isReadiness(call.target)) {
      // Its run says on which cards it was, and that it cost nothing.
      call.run.charge({ busyMs: 0, gpu, count: cards });
      this.meter.add({ app, function: '', gpu, cards, kind: 'prepared' }, ms);
      return;
    }
    const usage = { busyMs: ms, gpu, count: cards };
    call.run.charge(usage);
    this.meter.add({ app, function: called.qualname, gpu, cards, kind }, ms);
    this.guard.charged(app, usdOf(usage, this.options.prices) ?? 0);
  }
}
