/** Context keys that menus and keybindings depend on. */
import * as vscode from 'vscode';
import { isPythonSource, type PythonDocuments } from './documents';
import { isRunnable } from './lensTitles';
import type { RunRecords } from './runs/runRecords';

export class ContextKeys implements vscode.Disposable {
  private readonly disposables: vscode.Disposable[];
  private readonly set = new Map<string, boolean>();

  constructor(
    private readonly documents: PythonDocuments,
    private readonly records: RunRecords,
  ) {
    this.disposables = [
      records.onDidChange(() => this.showRuns()),
      vscode.window.onDidChangeActiveTextEditor(() => void this.showFile()),
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (document === vscode.window.activeTextEditor?.document) void this.showFile();
      }),
    ];
    void this.showFile();
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  private async showFile(): Promise<void> {
    const document = vscode.window.activeTextEditor?.document;
    const functions =
      document !== undefined && isPythonSource(document)
        ? await this.documents.functions(document)
        : [];
    this.put('velar.fileHasFunctions', functions.some(isRunnable));
  }

  private showRuns(): void {
    this.put('velar.runActive', this.records.anyActive);
    this.put('velar.hasRuns', this.records.all.length > 0);
  }

  private put(key: string, value: boolean): void {
    if (this.set.get(key) === value) return;
    this.set.set(key, value);
    void vscode.commands.executeCommand('setContext', key, value);
  }
}
