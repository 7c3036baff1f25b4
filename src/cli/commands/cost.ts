/** `velar cost` and `velar budget`: what containers were used for, what it costs, and what may be spent. */
import { budgetPeriodSchema } from '../../../runtime/protocol/metering';
import { VelarError } from '../../../runtime/protocol/errors';
import {
  budgetAlertText,
  budgetFor,
  budgetSetText,
  budgetTable,
  reportText,
} from '../../client/costText';
import { usageGroups, type UsageGroup } from '../../client/usage';
import { confirmed } from '../confirm';
import type { CliContext } from '../context';
import { EXIT } from '../exitCodes';
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
    const [report, { budgets }] = await Promise.all([
      connection.request('cost.report', { days }),
      connection.request('budget.list', {}),
    ]);
    const alerts = budgets.flatMap(({ state, ...budget }) =>
      state === 'ok' ? [] : [budgetAlertText({ ...budget, state })],
    );
    const text = options.json
      ? JSON.stringify(report)
      : [reportText(report, by), ...(alerts.length === 0 ? [] : ['', ...alerts])].join('\n');
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
        : budgetTable(budgets);
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
    const text = options.json ? JSON.stringify({ budget }) : budgetSetText(budget);
    await context.terminal.out(`${text}\n`);
    return EXIT.done;
  });
}

export function removeBudget(
  context: CliContext,
  options: Options & { app?: string; yes: boolean },
): Promise<number> {
  const app = options.app ?? null;
  const whom = budgetFor(app);
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
