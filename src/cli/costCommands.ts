/** Commands on what containers cost and may cost. */
import type { Command } from 'commander';
import type { CliContext } from './context';

type Finish = (exitCode: number) => void;

interface Common {
  json: boolean;
  runtime?: string;
}

/** `common` adds the options that most commands take. */
export function addCosts(
  program: Command,
  context: CliContext,
  finish: Finish,
  common: (command: Command) => Command,
): void {
  common(program.command('cost'))
    .option('--by <what>', 'add up by function, app, day or gpu', 'function')
    .option('--days <number>', 'the last days, today counted', '30')
    .description('what containers were used for, and what it costs')
    .action(async (options: Common & { by: string; days: string }) => {
      const { showCost } = await import('./commands/cost');
      finish(await showCost(context, options));
    });

  const budgets = program.command('budget').description('what may be spent on a runtime');
  common(budgets.command('list', { isDefault: true }))
    .description('list budgets and what is spent of them')
    .action(async (options: Common) => {
      const { listBudgets } = await import('./commands/cost');
      finish(await listBudgets(context, options));
    });
  common(budgets.command('set'))
    .argument('<usd>', 'dollars')
    .option('--app <name>', 'for one app; without it for the whole runtime')
    .option('--per <period>', 'day or month', 'month')
    .description('warn at 80 % of it, and stop runs when it is spent')
    .action(async (usd: string, options: Common & { app?: string; per: string }) => {
      const { setBudget } = await import('./commands/cost');
      finish(await setBudget(context, usd, options));
    });
  common(budgets.command('remove'))
    .option('--app <name>', 'of one app; without it of the whole runtime')
    .option('-y, --yes', 'without being asked', false)
    .description('let runs go on whatever they cost')
    .action(async (options: Common & { app?: string; yes: boolean }) => {
      const { removeBudget } = await import('./commands/cost');
      finish(await removeBudget(context, options));
    });
}
