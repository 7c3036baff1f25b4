/** What would change with a version, as a read-only page. */
import * as vscode from 'vscode';

const SCHEME = 'velar-changes';

export class DiffPages implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly texts = new Map<string, string>();
  private readonly registration: vscode.Disposable;

  constructor() {
    this.registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);
  }

  /** `title` names the page; a page of the same title is replaced. */
  async show(title: string, text: string): Promise<void> {
    // The ending gives added and removed lines their colours.
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${title}.diff` });
    this.texts.set(uri.toString(), text);
    this.changed.fire(uri);
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document, { preview: true });
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.toString()) ?? 'These changes were shown in an earlier window.\n';
  }

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }
}
