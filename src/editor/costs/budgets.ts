/** velar.setBudget and velar.removeBudget: what may be spent on a runtime, or on one of its apps. */
import * as vscode from 'vscode';
import { VelarError } from '../../../runtime/protocol/errors';
import { formatUsd } from '../../../runtime/protocol/figures';
import type { BudgetPeriod } from '../../../runtime/protocol/metering';
import { budgetFor, budgetSetText } from '../../client/costText';
import type { RuntimeManager } from '../runtimes/runtimeManager';

/** Asks for whom, how long and how much, and sets the budget. */
export async function setBudget(manager: RuntimeManager): Promise<void> {
  const { name: runtime, connection } = await manager.connected();
  const [{ rows }, { budgets }] = await Promise.all([
    connection.request('cost.report', { days: 30 }),
    connection.request('budget.list', {}),
  ]);
  const apps = [...new Set([...rows, ...budgets].flatMap(({ app }) => app ?? []))].sort();
  const whom = await vscode.window.showQuickPick(
    [
      { label: 'All of this runtime', app: null },
      ...apps.map((app) => ({ label: app, description: 'app', app })),
    ],
    { title: `Set Budget on ${runtime} (1/3)`, placeHolder: 'For whom?', ignoreFocusOut: true },
  );
  if (whom === undefined) return;
  const periods: { label: string; period: BudgetPeriod }[] = [
    { label: 'A month', period: 'month' },
    { label: 'A day', period: 'day' },
  ];
  const span = await vscode.window.showQuickPick(periods, {
    title: `Set Budget for ${budgetFor(whom.app)} (2/3)`,
    placeHolder: 'For how long?',
    ignoreFocusOut: true,
  });
  if (span === undefined) return;
  const known = budgets.find(({ app }) => app === whom.app);
  const typed = await vscode.window.showInputBox({
    title: `Set Budget for ${budgetFor(whom.app)} (3/3)`,
    prompt: `US dollars a ${span.period}. You are warned at 80 % of it; when it is spent, runs stop and no new ones start.`,
    ...(known === undefined ? {} : { value: String(known.usd) }),
    placeHolder: '25',
    ignoreFocusOut: true,
    validateInput: (text) =>
      Number(text) > 0 ? undefined : 'Type an amount over 0 in dollars, such as 25 or 0.50.',
  });
  if (typed === undefined) return;
  const { budget } = await connection.request('budget.set', {
    app: whom.app,
    period: span.period,
    usd: Number(typed),
  });
  void vscode.window.showInformationMessage(`Velar: ${budgetSetText(budget)}`);
}

/** Lets the person pick a budget and, after a yes, removes it. Throws `not-found` where there is none. */
export async function removeBudget(manager: RuntimeManager): Promise<void> {
  const { name: runtime, connection } = await manager.connected();
  const { budgets } = await connection.request('budget.list', {});
  if (budgets.length === 0) {
    throw new VelarError('not-found', `${runtime} has no budget.`, {
      hint: 'Velar: Set Budget makes one.',
    });
  }
  const items = budgets.map(({ app, period, usd, spentUsd }) => ({
    label: budgetFor(app),
    description: `${formatUsd(usd)} a ${period}, ${formatUsd(spentUsd)} spent`,
    app,
  }));
  const picked = await vscode.window.showQuickPick(items, {
    title: 'Remove Budget',
    placeHolder: `Budgets of ${runtime}`,
  });
  if (picked === undefined) return;
  const yes = 'Remove';
  const answer = await vscode.window.showWarningMessage(
    `Remove the budget for ${picked.label}?`,
    { modal: true, detail: 'Nothing will stop its runs then.' },
    yes,
  );
  if (answer !== yes) return;
  await connection.request('budget.remove', { app: picked.app });
  void vscode.window.showInformationMessage(`Velar: ${picked.label} has no budget any more.`);
}
