/** A cost report and budgets as text: the command line prints it, the editor shows it. Pure. */
import { formatUsd } from '../../runtime/protocol/figures';
import type { BudgetAlert, BudgetState, CostReport } from '../../runtime/protocol/metering';
import { formatTable } from './textTable';
import { totalUsage, type UsageGroup } from './usage';

/** Characters of a line of prose. */
const WIDTH = 88;

/** What was used and what it costs, by function, app, day or GPU, and what is billed. */
export function reportText(report: CostReport, by: UsageGroup): string {
  const totals = totalUsage(report.rows, by);
  const usd = totals.reduce((sum, total) => sum + total.usd, 0);
  const workedMs = totals.reduce((sum, total) => sum + total.workedMs, 0);
  const rows = totals.map((total) => [
    total.name,
    seconds(total.workedMs),
    seconds(total.ms.imports),
    seconds(total.ms['model-load']),
    seconds(total.ms.running),
    seconds((total.ms.starting ?? 0) + (total.ms.prepared ?? 0)),
    seconds(total.ms.idle),
    formatUsd(total.usd),
  ]);
  const headings = ['WORKED', 'IMPORTS', 'MODEL LOAD', 'RUNNING', 'STARTING', 'IDLE', 'COST'];
  const table =
    rows.length === 0
      ? 'No container worked in this time.'
      : formatTable([by.toUpperCase(), ...headings], rows);
  return [
    `${report.first} to ${report.last}: ${formatUsd(usd)} for ${seconds(workedMs)} of work`,
    '',
    table,
    '',
    ...report.advice.map(({ text }) => wrap(text)),
    ...report.terms.map(wrap),
  ].join('\n');
}

/** Budgets and what is spent of them. */
export function budgetTable(budgets: readonly BudgetState[]): string {
  return formatTable(['APP', 'PERIOD', 'BUDGET', 'SPENT', 'STATE'], budgets.map(budgetRow));
}

/** Whom a budget is for, within a sentence. */
export function budgetFor(app: string | null): string {
  return app === null ? 'this runtime' : `the app ${app}`;
}

/** What a budget that was set allows. */
export function budgetSetText({ app, period, usd, spentUsd }: BudgetState): string {
  return `At most ${formatUsd(usd)} a ${period} for ${budgetFor(app)}; ${formatUsd(spentUsd)} are spent.`;
}

/** What people should know of a budget that is near its end or past it. */
export function budgetAlertText(alert: Omit<BudgetAlert, 'since'>): string {
  const { app, period, usd, spentUsd, state } = alert;
  const whose = app === null ? 'this runtime' : `app ${app}`;
  const when = period === 'day' ? 'today' : 'this month';
  const end = state === 'spent' ? `; nothing more runs until the next ${period}` : '';
  return `velar budget: ${whose} has spent ${formatUsd(spentUsd)} of ${formatUsd(usd)} ${when}${end}`;
}

function budgetRow({ app, period, usd, spentUsd, state }: BudgetState): string[] {
  return [app ?? '(this runtime)', `a ${period}`, formatUsd(usd), formatUsd(spentUsd), state];
}

/** A sentence in lines that a narrow window holds; the second and later ones are indented. */
function wrap(sentence: string): string {
  return sentence.replaceAll(new RegExp(`(.{1,${WIDTH}})(?:\\s+|$)`, 'g'), '$1\n  ').trimEnd();
}

/** To the millisecond, as it is billed. */
function seconds(ms = 0): string {
  return ms === 0 ? '-' : `${(ms / 1000).toFixed(3)} s`;
}
