/** What would change with a version: a read-only page with its actions above it, and the code side by side. */
import * as vscode from 'vscode';
import type { FileChange, FullDiff } from '../../client/versions/compareVersions';

const SCHEME = 'velar-changes';

export interface DiffPage {
  /** Names the page; a page of the same title is replaced. */
  readonly title: string;
  readonly text: string;
  readonly actions: readonly vscode.Command[];
}

type Shown = Extract<FileChange, { hunks: string[] }>;

export class DiffPages
  implements vscode.TextDocumentContentProvider, vscode.CodeLensProvider, vscode.Disposable
{
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly actionsChanged = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;
  readonly onDidChangeCodeLenses = this.actionsChanged.event;
  private readonly texts = new Map<string, string>();
  private readonly actions = new Map<string, readonly vscode.Command[]>();
  private readonly registrations: vscode.Disposable;

  constructor() {
    this.registrations = vscode.Disposable.from(
      this.changed,
      this.actionsChanged,
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      vscode.languages.registerCodeLensProvider({ scheme: SCHEME }, this),
    );
  }

  async show({ title, text, actions }: DiffPage): Promise<void> {
    // The ending gives added and removed lines their colours.
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${title}.diff` });
    this.actions.set(uri.toString(), actions);
    this.put(uri, text);
    this.actionsChanged.fire();
    const document = await vscode.workspace.openTextDocument(uri);
    // Not a preview: the code side by side would take its place.
    const editor = await vscode.window.showTextDocument(document, { preview: false });
    // A page that is replaced is read from its top, too.
    editor.revealRange(new vscode.Range(0, 0, 0, 0), vscode.TextEditorRevealType.AtTop);
  }

  /** Each file that has lines to show, in VS Code's own editor for changes. */
  async showCode(diff: FullDiff): Promise<void> {
    const { app, from, to } = diff;
    const files = diff.files.filter((file): file is Shown => 'hunks' in file);
    const title = `${app}: version ${String(from ?? 'none')} ↔ version ${String(to)}`;
    if (files.length === 0) {
      void vscode.window.showInformationMessage(
        `Velar: no line of code changes in ${app}; the page says what else does.`,
      );
      return;
    }
    const resources = files.map((file) => {
      const after = this.side(app, to, file.path, file.after ?? '');
      return [after, this.side(app, from, file.path, file.before ?? ''), after] as const;
    });
    const [only] = resources;
    if (resources.length === 1 && only !== undefined) {
      await vscode.commands.executeCommand('vscode.diff', only[1], only[2], title);
    } else {
      await vscode.commands.executeCommand('vscode.changes', title, resources);
    }
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.toString()) ?? 'These changes were shown in an earlier window.\n';
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const lines = Array.from({ length: document.lineCount }, (_, line) => line);
    const first = lines.find((line) => !document.lineAt(line).isEmptyOrWhitespace) ?? 0;
    const range = new vscode.Range(first, 0, first, 0);
    const actions = this.actions.get(document.uri.toString()) ?? [];
    return actions.map((command) => new vscode.CodeLens(range, command));
  }

  dispose(): void {
    this.registrations.dispose();
  }

  /** A file of a version; the path's ending gives it its language. */
  private side(app: string, version: number | null, path: string, text: string): vscode.Uri {
    const of = `${app} version ${String(version ?? 'none')}`;
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${of}/${path}` });
    this.put(uri, text);
    return uri;
  }

  private put(uri: vscode.Uri, text: string): void {
    this.texts.set(uri.toString(), text);
    this.changed.fire(uri);
  }
}
