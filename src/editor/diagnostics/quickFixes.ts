/** Quick fixes on the diagnostics of a failed run. */
import * as vscode from 'vscode';
import { commands } from '../commandIds';
import type { RunEntry } from '../runs/runRecords';
import { DIAGNOSTIC_SOURCE, type RunDiagnostics } from './runDiagnostics';
import type { Fix } from './fixes';

/** Works out what one click can mend. */
export type FindFixes = (entry: RunEntry) => Promise<readonly Fix[]>;

export class QuickFixes implements vscode.CodeActionProvider, vscode.Disposable {
  private readonly registration: vscode.Disposable;

  constructor(
    private readonly diagnostics: RunDiagnostics,
    private readonly findFixes: FindFixes,
  ) {
    this.registration = vscode.languages.registerCodeActionsProvider(
      [
        { language: 'python', scheme: 'file' },
        { language: 'python', scheme: 'untitled' },
      ],
      this,
      { providedCodeActionKinds: [vscode.CodeActionKind.QuickFix] },
    );
  }

  dispose(): void {
    this.registration.dispose();
  }

  async provideCodeActions(
    { uri }: vscode.TextDocument,
    _range: vscode.Range,
    context: vscode.CodeActionContext,
  ): Promise<vscode.CodeAction[]> {
    const actions: vscode.CodeAction[] = [];
    for (const diagnostic of context.diagnostics) {
      if (diagnostic.source !== DIAGNOSTIC_SOURCE) continue;
      const entry = this.diagnostics.failureOf(uri, diagnostic);
      if (entry === undefined) continue;
      for (const { title, edit } of await this.findFixes(entry)) {
        const action = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
        action.edit = edit;
        action.diagnostics = [diagnostic];
        action.isPreferred = true;
        actions.push(action);
      }
      if (entry.record.error?.inspectable === true) actions.push(inspection(entry, diagnostic));
    }
    return actions;
  }
}

function inspection({ run }: RunEntry, diagnostic: vscode.Diagnostic): vscode.CodeAction {
  const title = 'Inspect the frames and variables of this failure';
  const action = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
  action.command = { command: commands.inspectFailure, title, arguments: [run] };
  action.diagnostics = [diagnostic];
  return action;
}
