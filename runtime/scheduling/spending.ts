/** Charges runs for what containers do for them, meters all of their time, and reports it. */
import type { Budget, BudgetAlert, BudgetState, CostReport, UsageKind } from '../protocol/metering';
import type { RunError } from '../protocol/values';
import { adviceFor } from '../metering/advice';
import { usdOf } from '../metering/cost';
import { dayOf, daysBefore, daysBetween, partsByDay } from '../protocol/days';
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
  private peaks = { day: '', cards: new Map<string, number>() };

  constructor(private readonly options: SpendingOptions) {
    this.meter = new Meter(options);
    this.time = new ContainerTime(options.clock, this.meter, options.containers);
    this.guard = new BudgetGuard({ ...options, settle: () => this.meter.flush() });
  }

  /** Containers changed. */
  changed(): void {
    this.time.changed();
    this.notePeaks();
    this.guard.review();
  }

  /** A container has worked on a call, of which loading the model took a part. */
  worked(container: Container, call: Call, busyMs: number): void {
    const loadMs = Math.min(call.modelLoadMs, busyMs);
    this.charge(container, call, 'model-load', loadMs, busyMs - loadMs);
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
    const metered = daysBetween(rows[0]?.day ?? last, last);
    const advice = adviceFor(rows, metered, prices, usage.peaks(first, last));
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

  alerts(): BudgetAlert[] {
    return this.guard.alerts();
  }

  onAlerts(listener: (alerts: BudgetAlert[]) => void): () => void {
    return this.guard.onAlerts(listener);
  }

  dispose(): void {
    this.guard.dispose();
    this.time.dispose();
    this.meter.flush();
  }

  /** `agoMs`: when it ended. */
  private charge(container: Container, call: Call, kind: UsageKind, ms: number, agoMs = 0): void {
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
    const { clock, prices } = this.options;
    // Before the meter: on a new day the guard reads what the meter has so far.
    for (const part of partsByDay(ms, clock.now() - agoMs)) {
      this.guard.charged(app, usdOf({ ...usage, busyMs: part.ms }, prices) ?? 0, part.day);
    }
    this.meter.add({ app, function: called.qualname, gpu, cards, kind }, ms, agoMs);
  }

  /** Notes how many cards of each model work at once, where these are more than before today. */
  private notePeaks(): void {
    const working = new Map<string, number>();
    for (const container of this.options.containers()) {
      const { gpu, cards } = whose(container);
      if (gpu === null || container.state === 'starting' || container.idle) continue;
      working.set(gpu, (working.get(gpu) ?? 0) + cards);
    }
    if (working.size === 0) return;
    const today = dayOf(this.options.clock.now());
    if (this.peaks.day !== today) this.peaks = { day: today, cards: new Map() };
    for (const [gpu, cards] of working) {
      if (cards <= (this.peaks.cards.get(gpu) ?? 0)) continue;
      this.peaks.cards.set(gpu, cards);
      this.options.usage.notePeak(today, gpu, cards);
    }
  }
}
