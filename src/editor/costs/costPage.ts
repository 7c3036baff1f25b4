/** velar.showCost: what containers were used for and what it costs, as a read-only page with its groupings above it. */
import * as vscode from 'vscode';
import { budgetTable, reportText } from '../../client/costText';
import { usageGroups, type UsageGroup } from '../../client/usage';
import { commands } from '../commandIds';
import type { RuntimeManager } from '../runtimes/runtimeManager';

const SCHEME = 'velar-cost';
/** Days that the page looks back, today counted. */
const DAYS = 30;

export class CostPage
  implements vscode.TextDocumentContentProvider, vscode.CodeLensProvider, vscode.Disposable
{
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly texts = new Map<string, string>();
  private readonly registrations: vscode.Disposable;

  constructor(private readonly manager: RuntimeManager) {
    this.registrations = vscode.Disposable.from(
      this.changed,
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      vscode.languages.registerCodeLensProvider({ scheme: SCHEME }, this),
    );
  }

  /** Shows the runtime's page, made anew; `argument` may say what to group by. */
  async show(argument: unknown): Promise<void> {
    const by = groupIn(argument);
    const { name, connection } = await this.manager.connected();
    const [report, { budgets }] = await Promise.all([
      connection.request('cost.report', { days: DAYS }),
      connection.request('budget.list', {}),
    ]);
    const held = budgets.length === 0 ? 'No budget is set.' : budgetTable(budgets);
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/Cost on ${name}` });
    this.texts.set(uri.toString(), `\n${reportText(report, by)}\n\n${held}\n`);
    this.changed.fire(uri);
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri));
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.toString()) ?? 'These costs were shown in an earlier window.\n';
  }

  provideCodeLenses(): vscode.CodeLens[] {
    const top = new vscode.Range(0, 0, 0, 0);
    const groups = usageGroups.map((by) => ({
      title: `By ${by === 'gpu' ? 'GPU' : by}`,
      command: commands.showCost,
      arguments: [{ by }],
    }));
    const budgets = [
      { title: 'Set budget…', command: commands.setBudget },
      { title: 'Remove budget…', command: commands.removeBudget },
    ];
    return [...groups, ...budgets].map((command) => new vscode.CodeLens(top, command));
  }

  dispose(): void {
    this.registrations.dispose();
  }
}

function groupIn(argument: unknown): UsageGroup {
  const by = typeof argument === 'object' && argument !== null && 'by' in argument && argument.by;
  return usageGroups.find((group) => group === by) ?? 'function';
}
