/** Warns of budgets near their end or past it, once in a period, wherever they were used up. */
import * as vscode from 'vscode';
import type { BudgetAlert } from '../../../runtime/protocol/metering';
import type { ClientConnection } from '../../client/api';
import { newAlerts } from '../../client/budgetAlerts';
import { budgetAlertText } from '../../client/costText';
import { commands } from '../commandIds';
import type { RuntimeManager } from '../runtimes/runtimeManager';

const TOLD_KEY = 'velar.budgetAlerts';

const ACTIONS = new Map<string, string>([
  ['Show Cost', commands.showCost],
  ['Set Budget', commands.setBudget],
]);

export class BudgetAlerts implements vscode.Disposable {
  private readonly registration: vscode.Disposable;

  /** `memory`: what was told, so that a window that is opened again doesn't repeat it. */
  constructor(
    manager: RuntimeManager,
    private readonly memory: vscode.Memento,
  ) {
    this.registration = manager.onDidConnect(({ connection }) => {
      connection.onBudgets((budgets) => void this.tell(connection, budgets));
    });
  }

  dispose(): void {
    this.registration.dispose();
  }

  private async tell({ runtime }: ClientConnection, budgets: BudgetAlert[]): Promise<void> {
    const before = this.memory.get<readonly string[]>(TOLD_KEY, []);
    const { fresh, told } = newAlerts(budgets, before, runtime.id);
    if (fresh.length === 0) return;
    for (const alert of fresh) void show(alert);
    await this.memory.update(TOLD_KEY, told);
  }
}

async function show(alert: BudgetAlert): Promise<void> {
  const picked = await vscode.window.showWarningMessage(budgetAlertText(alert), ...ACTIONS.keys());
  const command = ACTIONS.get(picked ?? '');
  if (command !== undefined) await vscode.commands.executeCommand(command);
}
