/** velar.showBundle: what would be sent and what would not, each with the reason, as a read-only document. */
import * as vscode from 'vscode';

export const BUNDLE_SCHEME = 'velar-bundle';

/** Renders the preview of the bundle of one file. */
export type RenderBundle = (uri: vscode.Uri, signal: AbortSignal) => Promise<string>;

export class BundlePreview implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly registration: vscode.Disposable;

  constructor(private readonly render: RenderBundle) {
    this.registration = vscode.workspace.registerTextDocumentContentProvider(BUNDLE_SCHEME, this);
  }

  async open(uri: vscode.Uri): Promise<void> {
    const name = uri.path.split('/').at(-1) ?? 'file';
    const preview = vscode.Uri.from({
      scheme: BUNDLE_SCHEME,
      // The ending keeps it from being read, and coloured, as Python.
      path: `/Bundle of ${name}.txt`,
      query: uri.toString(),
    });
    this.changed.fire(preview);
    const document = await vscode.workspace.openTextDocument(preview);
    await vscode.window.showTextDocument(document, { preview: true });
  }

  async provideTextDocumentContent(
    preview: vscode.Uri,
    token: vscode.CancellationToken,
  ): Promise<string> {
    const abort = new AbortController();
    const listening = token.onCancellationRequested(() => abort.abort());
    try {
      return await this.render(vscode.Uri.parse(preview.query), abort.signal);
    } finally {
      listening.dispose();
    }
  }

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }
}
