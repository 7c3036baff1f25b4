/** `velar cost` and `velar budget`: what containers were used for, what it costs, and what may be spent. */
import type { BudgetState, CostReport } from '../../../runtime/protocol/metering';
import { budgetPeriodSchema } from '../../../runtime/protocol/metering';
import { VelarError } from '../../../runtime/protocol/errors';
import { formatUsd } from '../../../runtime/protocol/figures';
import { totalUsage, usageGroups, type UsageGroup } from '../../client/usage';
import { confirmed } from '../confirm';
import type { CliContext } from '../context';
import { EXIT } from '../exitCodes';
import { formatTable } from '../format';
import { withRuntime, type RuntimeOptions } from '../session';

interface Options extends RuntimeOptions {
  json: boolean;
}

export function showCost(
  context: CliContext,
  options: Options & { by: string; days: string },
): Promise<number> {
  const by = groupOf(options.by);
  const days = Number(options.days);
  if (!Number.isInteger(days) || days < 1 || days > 3660) {
    throw new VelarError('invalid', `${JSON.stringify(options.days)} is no number of days.`, {
      hint: 'Give a whole number from 1 on, such as `--days 30`.',
    });
  }
  return withRuntime(context, options, async (connection) => {
    const report = await connection.request('cost.report', { days });
    const text = options.json ? JSON.stringify(report) : reportText(report, by);
    await context.terminal.out(`${text}\n`);
    return EXIT.done;
  });
}

export function listBudgets(context: CliContext, options: Options): Promise<number> {
  return withRuntime(context, options, async (connection) => {
    const { budgets } = await connection.request('budget.list', {});
    const table =
      budgets.length === 0
        ? 'No budget is set. Set one with `velar budget set USD`.'
        : formatTable(['APP', 'PERIOD', 'BUDGET', 'SPENT', 'STATE'], budgets.map(budgetRow));
    await context.terminal.out(`${options.json ? JSON.stringify({ budgets }) : table}\n`);
    return EXIT.done;
  });
}

export function setBudget(
  context: CliContext,
  given: string,
  options: Options & { app?: string; per: string },
): Promise<number> {
  const usd = Number(given);
  const period = budgetPeriodSchema.safeParse(options.per);
  if (!(usd > 0)) {
    throw new VelarError('invalid', `${JSON.stringify(given)} is no amount of dollars.`, {
      hint: 'Give a number over 0, such as `velar budget set 25`.',
    });
  }
  if (!period.success) {
    throw new VelarError('invalid', `${JSON.stringify(options.per)} is no period.`, {
      hint: 'Choose `--per day` or `--per month`.',
    });
  }
  const app = options.app ?? null;
  return withRuntime(context, options, async (connection) => {
    const { budget } = await connection.request('budget.set', { app, period: period.data, usd });
    const whom = app === null ? 'this runtime' : `the app ${app}`;
    const text = `At most ${formatUsd(usd)} a ${budget.period} for ${whom}; ${formatUsd(budget.spentUsd)} are spent.`;
    await context.terminal.out(`${options.json ? JSON.stringify({ budget }) : text}\n`);
    return EXIT.done;
  });
}

export function removeBudget(
  context: CliContext,
  options: Options & { app?: string; yes: boolean },
): Promise<number> {
  const app = options.app ?? null;
  const whom = app === null ? 'this runtime' : `the app ${app}`;
  return withRuntime(context, options, async (connection) => {
    const question = `Remove the budget for ${whom}? Nothing will stop its runs then.`;
    if (!(await confirmed(context, question, options.yes))) return EXIT.cancelled;
    await connection.request('budget.remove', { app });
    await context.terminal.out(
      `${options.json ? JSON.stringify({ removed: app }) : `${whom} has no budget any more.`}\n`,
    );
    return EXIT.done;
  });
}

function groupOf(given: string): UsageGroup {
  const group = usageGroups.find((each) => each === given);
  if (group !== undefined) return group;
  throw new VelarError('invalid', `Costs can't be shown by ${JSON.stringify(given)}.`, {
    hint: `Choose one of ${usageGroups.join(', ')}.`,
  });
}

function reportText(report: CostReport, by: UsageGroup): string {
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
    ...report.advice.map(({ text }) => text),
    ...report.terms,
  ].join('\n');
}

function budgetRow({ app, period, usd, spentUsd, state }: BudgetState): string[] {
  return [app ?? '(this runtime)', `a ${period}`, formatUsd(usd), formatUsd(spentUsd), state];
}

/** To the millisecond, as it is billed. */
function seconds(ms = 0): string {
  return ms === 0 ? '-' : `${(ms / 1000).toFixed(3)} s`;
}
