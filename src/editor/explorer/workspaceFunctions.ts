/** The functions of the whole workspace, for the tree: scanned once it is looked at, then kept up to date. */
import * as vscode from 'vscode';
import type { DiscoveredFunction } from '../../discovery/model';
import { isPythonSource, type PythonDocuments } from '../documents';
import type { WorkspaceScan } from './workspaceScan';

export interface FileFunctions {
  readonly uri: vscode.Uri;
  readonly functions: readonly DiscoveredFunction[];
}

export class WorkspaceFunctions implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;
  private readonly disposables: vscode.Disposable[];
  private readonly onDisk = new Map<string, FileFunctions>();
  private scan: Promise<WorkspaceScan> | undefined;
  private scanned = false;
  private cancel = new vscode.CancellationTokenSource();

  constructor(
    private readonly documents: PythonDocuments,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.disposables = [
      this.changed,
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.bufferChanged(document)),
      vscode.workspace.onDidOpenTextDocument((document) => this.bufferChanged(document)),
      vscode.workspace.onDidCloseTextDocument((document) => this.bufferChanged(document)),
      vscode.workspace.onDidChangeWorkspaceFolders(() => this.rescan()),
    ];
  }

  /** Files with functions, in order of path; open ones as they are in their buffers. */
  async files(): Promise<FileFunctions[]> {
    await this.start();
    const files = new Map(this.onDisk);
    for (const document of vscode.workspace.textDocuments.filter(isPythonSource)) {
      const key = document.uri.toString();
      if (!files.has(key) && !this.belongs(document.uri)) continue;
      files.set(key, { uri: document.uri, functions: await this.documents.functions(document) });
    }
    return [...files.values()]
      .filter(({ functions }) => functions.length > 0)
      .sort((a, b) => (a.uri.path < b.uri.path ? -1 : 1));
  }

  /** Scans again from the start. */
  rescan(): void {
    this.cancel.cancel();
    this.cancel.dispose();
    this.cancel = new vscode.CancellationTokenSource();
    const { scan } = this;
    this.scan = undefined;
    this.scanned = false;
    void scan?.then(
      (each) => each.dispose(),
      () => undefined,
    );
    this.onDisk.clear();
    this.changed.fire();
  }

  dispose(): void {
    this.cancel.cancel();
    this.cancel.dispose();
    void this.scan?.then(
      (each) => each.dispose(),
      () => undefined,
    );
    for (const disposable of this.disposables) disposable.dispose();
  }

  private belongs(uri: vscode.Uri): boolean {
    return uri.scheme === 'untitled' || vscode.workspace.getWorkspaceFolder(uri) !== undefined;
  }

  private async start(): Promise<void> {
    this.scan ??= this.begin();
    await this.scan.catch((error: unknown) => {
      this.log.error(`The workspace could not be scanned: ${String(error)}`);
    });
  }

  private async begin(): Promise<WorkspaceScan> {
    const { token } = this.cancel;
    const { WorkspaceScan } = await import('./workspaceScan');
    return vscode.window.withProgress({ location: { viewId: 'velar.explorer' } }, async () => {
      const scan = new WorkspaceScan((uri, functions) => this.found(uri, functions), this.log);
      await scan.run(token);
      this.scanned = true;
      return scan;
    });
  }

  private found(uri: vscode.Uri, functions: readonly DiscoveredFunction[]): void {
    const key = uri.toString();
    const known = this.onDisk.has(key);
    if (functions.length > 0) this.onDisk.set(key, { uri, functions });
    else this.onDisk.delete(key);
    // During the scan the tree waits for its end, and is drawn once.
    if (this.scanned && (known || functions.length > 0)) this.changed.fire();
  }

  private bufferChanged(document: vscode.TextDocument): void {
    if (this.scan !== undefined && isPythonSource(document)) this.changed.fire();
  }
}
