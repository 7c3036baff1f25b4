/** Modules that a run would miss: named at their import, before anything is sent. */
import * as vscode from 'vscode';
import type { Bundle } from '../../client/bundle/bundle';
import type { MissingImport } from '../../client/bundle/closure';
import { openAt } from '../diagnostics/terminalLinks';
import { fileOf, type RunSource } from './sources';

export class ModuleCheck implements vscode.Disposable {
  private readonly collection = vscode.languages.createDiagnosticCollection('velar-modules');
  private readonly listening: vscode.Disposable;

  constructor() {
    this.listening = vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
      if (contentChanges.length > 0) this.collection.delete(document.uri);
    });
  }

  /** Marks what is missing, and asks whether to run all the same. True to go on. */
  async confirm(bundle: Bundle, source: RunSource): Promise<boolean> {
    const { missing } = bundle;
    this.collection.clear();
    const byFile = new Map<string, vscode.Diagnostic[]>();
    for (const each of missing) {
      byFile.set(each.file, [...(byFile.get(each.file) ?? []), diagnosticOf(each)]);
    }
    for (const [file, diagnostics] of byFile) {
      this.collection.set(fileOf(source, file), diagnostics);
    }
    const first = missing[0];
    if (first === undefined) return true;
    const show = 'Show Import';
    const anyway = 'Run Anyway';
    const others = missing.length > 1 ? ` (and ${String(missing.length - 1)} more)` : '';
    const answer = await vscode.window.showErrorMessage(
      `Velar: ${first.file} line ${String(first.line)} imports “${first.module}”, which is not in the workspace${others}. ${adviceOf(first)}`,
      show,
      anyway,
    );
    if (answer === show) await openAt(fileOf(source, first.file), first.line);
    return answer === anyway;
  }

  dispose(): void {
    this.listening.dispose();
    this.collection.dispose();
  }
}

function adviceOf({ expected }: MissingImport): string {
  return `Create ${expected}, or correct the import.`;
}

function diagnosticOf(missing: MissingImport): vscode.Diagnostic {
  const line = missing.line - 1;
  const start = missing.column - 1;
  const diagnostic = new vscode.Diagnostic(
    new vscode.Range(line, start, line, start + missing.to - missing.from),
    `“${missing.module}” is not in the workspace, so the run would fail here. ${adviceOf(missing)}`,
    missing.lazy ? vscode.DiagnosticSeverity.Warning : vscode.DiagnosticSeverity.Error,
  );
  diagnostic.source = 'Velar';
  diagnostic.code = 'missing-module';
  return diagnostic;
}
