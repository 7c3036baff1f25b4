/**
 * The functions of the whole workspace, for the tree, and its modules, for apps that one file imports
 * from another. Loaded when first asked for; then kept true by watching files and buffers.
 */
import { statSync } from 'node:fs';
import * as vscode from 'vscode';
import type { WorkspaceDiscovery } from '../../client/discover';
import type { DiscoveredFunction } from '../../discovery/model';
import { isPythonSource, type PythonDocuments } from '../documents';

/** Changes on disk are gathered for this long: a checkout touches thousands of files. */
const GATHER_MS = 150;

/** Other files see an edit once typing has paused for this long. */
const PAUSE_MS = 400;

export interface FileFunctions {
  readonly uri: vscode.Uri;
  readonly functions: readonly DiscoveredFunction[];
}

export class WorkspaceFunctions implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  /** Functions or modules of the workspace may have changed. */
  readonly onDidChange = this.changed.event;
  private readonly disposables: vscode.Disposable[];
  private loading: Promise<WorkspaceDiscovery> | undefined;
  private scanning: Promise<void> | undefined;
  private abort = new AbortController();
  private watcher: vscode.FileSystemWatcher | undefined;
  private readonly touched = new Set<string>();
  private readonly edited = new Set<vscode.TextDocument>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly documents: PythonDocuments,
    private readonly log: vscode.LogOutputChannel,
  ) {
    const { workspace } = vscode;
    this.disposables = [
      this.changed,
      workspace.onDidOpenTextDocument((document) => this.bufferChanged(document)),
      workspace.onDidChangeTextDocument(({ document }) => this.bufferChanged(document)),
      workspace.onDidCloseTextDocument((document) => this.bufferChanged(document)),
      workspace.onDidChangeWorkspaceFolders(() => this.restart()),
    ];
  }

  /** Makes apps that are imported from other files known to the documents. */
  async loadModules(): Promise<void> {
    await this.discovery();
  }

  /** Files with functions, in order of path; open ones as they are in their buffers. */
  async files(): Promise<FileFunctions[]> {
    const discovery = await this.discovery();
    this.scanning ??= this.scan(discovery);
    await this.scanning;
    const files = new Map<string, FileFunctions>();
    for (const { file, functions } of discovery.files()) {
      const uri = vscode.Uri.file(file);
      files.set(uri.toString(), { uri, functions });
    }
    for (const document of vscode.workspace.textDocuments.filter(isPythonSource)) {
      const { uri } = document;
      if (!files.has(uri.toString()) && !isOfWorkspace(uri)) continue;
      files.set(uri.toString(), { uri, functions: await this.documents.functions(document) });
    }
    return [...files.values()]
      .filter(({ functions }) => functions.length > 0)
      .sort((a, b) => (a.uri.path < b.uri.path ? -1 : 1));
  }

  /** Scans again from the start. */
  rescan(): void {
    this.abort.abort();
    this.abort = new AbortController();
    this.scanning = undefined;
    this.changed.fire();
  }

  dispose(): void {
    this.abort.abort();
    clearTimeout(this.timer);
    this.watcher?.dispose();
    for (const disposable of this.disposables) disposable.dispose();
  }

  private async discovery(): Promise<WorkspaceDiscovery> {
    this.loading ??= this.load();
    return this.loading;
  }

  private async load(): Promise<WorkspaceDiscovery> {
    const { WorkspaceDiscovery } = await import('../cold');
    const folders = vscode.workspace.workspaceFolders ?? [];
    const discovery = new WorkspaceDiscovery(
      folders.filter(({ uri }) => uri.scheme === 'file').map(({ uri }) => uri.fsPath),
    );
    for (const document of vscode.workspace.textDocuments) this.edited.add(document);
    this.apply(discovery);
    this.watch();
    return discovery;
  }

  private restart(): void {
    this.loading = undefined;
    this.rescan();
  }

  private async scan(discovery: WorkspaceDiscovery): Promise<void> {
    const began = performance.now();
    const { signal } = this.abort;
    try {
      await vscode.window.withProgress(
        {
          location: vscode.ProgressLocation.Window,
          title: 'Velar: looking for functions',
          cancellable: true,
        },
        async (progress, token) => {
          const abort = new AbortController();
          const listening = token.onCancellationRequested(() => abort.abort());
          try {
            await discovery.scan({
              signal: AbortSignal.any([signal, abort.signal]),
              onProgress: ({ files, hits }) =>
                progress.report({ message: `${String(hits)} of ${String(files)} files` }),
            });
          } finally {
            listening.dispose();
          }
        },
      );
      const ms = (performance.now() - began).toFixed(0);
      const count = String(discovery.files().length);
      this.log.info(`Scanned the workspace in ${ms} ms: ${count} files with functions`);
    } catch (error) {
      if (!signal.aborted) this.log.warn(`The workspace was not scanned whole: ${String(error)}`);
    }
  }

  private watch(): void {
    if (this.watcher !== undefined) return;
    // Folders too: one that goes takes its files along without a word about each.
    this.watcher = vscode.workspace.createFileSystemWatcher('**/*');
    this.watcher.onDidCreate((uri) => {
      if (isPython(uri)) this.touch(uri);
      else if (isFolder(uri)) this.rescan();
    });
    this.watcher.onDidChange((uri) => {
      if (isPython(uri)) this.touch(uri);
    });
    this.watcher.onDidDelete((uri) => this.touch(uri));
  }

  private touch(uri: vscode.Uri): void {
    if (uri.scheme !== 'file') return;
    this.touched.add(uri.fsPath);
    this.timer ??= this.applyIn(GATHER_MS);
  }

  private bufferChanged(document: vscode.TextDocument): void {
    if (this.loading === undefined || !isPythonSource(document)) return;
    this.edited.add(document);
    clearTimeout(this.timer);
    this.timer = this.applyIn(PAUSE_MS);
  }

  private applyIn(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.timer = undefined;
      void this.discovery().then((discovery) => this.apply(discovery));
    }, ms);
  }

  /** Brings discovery up to date with what was gathered, and then the documents that depend on it. */
  private apply(discovery: WorkspaceDiscovery): void {
    const touched = [...this.touched];
    const edited = [...this.edited];
    this.touched.clear();
    this.edited.clear();
    for (const document of edited) {
      if (document.uri.scheme !== 'file') continue;
      const text = document.isDirty && !document.isClosed ? document.getText() : undefined;
      discovery.setText(document.uri.fsPath, text);
    }
    if (touched.length > 0) discovery.update(touched);
    this.documents.useResolver(discovery.resolve);
    this.changed.fire();
  }
}

function isPython(uri: vscode.Uri): boolean {
  return uri.path.endsWith('.py');
}

function isFolder(uri: vscode.Uri): boolean {
  return statSync(uri.fsPath, { throwIfNoEntry: false })?.isDirectory() === true;
}

function isOfWorkspace(uri: vscode.Uri): boolean {
  return uri.scheme === 'untitled' || vscode.workspace.getWorkspaceFolder(uri) !== undefined;
}
