/**
 * The extension's parts, made once and handed to each other. Made at activation: only what listens and
 * shows. Everything that talks to a runtime is behind `core`, loaded with its first use.
 */
import * as vscode from 'vscode';
import type { Core } from './core';
import { BundlePreview } from './bundlePreview';
import { ContextKeys } from './contextKeys';
import { LogDocuments } from './diagnostics/logDocuments';
import type { Fix } from './diagnostics/fixes';
import { QuickFixes } from './diagnostics/quickFixes';
import { RunDiagnostics } from './diagnostics/runDiagnostics';
import { PythonDocuments } from './documents';
import { ExplorerTree } from './explorer/tree';
import { WorkspaceFunctions } from './explorer/workspaceFunctions';
import { InlineOutput } from './inlineOutput/inlineOutput';
import { LensProvider } from './lenses';
import { PanelProvider } from './panel/panelProvider';
import type { PanelView } from './panel/panelView';
import { RunRecords, type RunEntry } from './runs/runRecords';
import { hasUnfinishedRuns } from './runs/unfinishedRuns';
import { RUNTIMES_KEY } from './runtimes/storage';
import { RuntimeModel } from './runtimes/runtimeModel';
import { RuntimeStatusBar } from './runtimes/statusBar';
import { revealPanelOnRun } from './settings';

export class Services implements vscode.Disposable {
  readonly log = vscode.window.createOutputChannel('Velar', { log: true });
  readonly records = new RunRecords();
  readonly model = new RuntimeModel();
  readonly documents = new PythonDocuments();
  readonly functions: WorkspaceFunctions;
  readonly logs: LogDocuments;
  readonly preview: BundlePreview;
  readonly panel: PanelProvider;
  readonly explorer: ExplorerTree;
  private readonly disposables: vscode.Disposable[];
  private loading: Promise<Core> | undefined;
  private disposed = false;

  constructor(readonly context: vscode.ExtensionContext) {
    const { records, model, documents, log } = this;
    this.functions = new WorkspaceFunctions(documents, log);
    this.logs = new LogDocuments(records, async (entry) => (await this.core()).fullLog(entry));
    this.preview = new BundlePreview(async (uri, signal) =>
      (await this.core()).describeBundle(uri, signal),
    );
    this.panel = new PanelProvider((view) => this.makePage(view));
    const diagnostics = new RunDiagnostics(records, documents);
    this.explorer = new ExplorerTree(this.functions, model, records, async () => {
      const link = await (await this.core()).manager.existing();
      return link?.connection.request('gpu.list', {});
    });
    this.disposables = [
      new LensProvider(documents, records, this.functions),
      diagnostics,
      new QuickFixes(diagnostics, async (entry) => this.findFixes(entry)),
      new InlineOutput(documents, records),
      new RuntimeStatusBar(model, records),
      this.explorer,
      new ContextKeys(documents, records),
      // From the click on: the page loads while the runtime starts.
      records.onDidPrepare(() => {
        if (revealPanelOnRun()) void this.panel.reveal(false);
      }),
      this.panel,
      this.preview,
      this.logs,
      this.functions,
      documents,
      records,
      model,
      log,
    ];
  }

  /** Names the selected runtime where one was paired; whoever paired none has nothing to load for it. */
  async showSelection(): Promise<void> {
    if (this.context.globalState.get(RUNTIMES_KEY) === undefined) return;
    await (await this.core()).manager.showSelection();
  }

  /** Takes up again runs that went on while the window was away; where there are none, nothing is loaded. */
  async followEarlierRuns(): Promise<void> {
    if (!hasUnfinishedRuns(this.context)) return;
    await (await this.core()).followEarlierRuns();
  }

  /** Loads the rest of the extension, once. */
  async core(): Promise<Core> {
    this.loading ??= import('./cold').then(({ Core }) => {
      const core = new Core(this);
      if (this.disposed) core.dispose();
      return core;
    });
    return this.loading;
  }

  dispose(): void {
    this.disposed = true;
    void this.loading?.then((core) => core.dispose());
    for (const disposable of this.disposables) disposable.dispose();
  }

  private async findFixes(entry: RunEntry): Promise<readonly Fix[]> {
    const [{ fixesFor }, core] = await Promise.all([import('./cold'), this.core()]);
    const { signal } = new AbortController();
    return fixesFor(entry, this.documents, async (uri) => core.bundleOf(uri, signal));
  }

  private async makePage(view: vscode.WebviewView): Promise<PanelView> {
    const { PanelView } = await import('./cold');
    const actions = {
      rerun: async (...of: Parameters<Core['runs']['rerun']>) =>
        (await this.core()).runs.rerun(...of),
      rerunFailed: async (...of: Parameters<Core['runs']['rerunFailed']>) =>
        (await this.core()).runs.rerunFailed(...of),
      stopContainer: async (container: string) => (await this.core()).stopContainer(container),
      openLog: async (entry: Parameters<LogDocuments['open']>[0]) => this.logs.open(entry),
      fail: (error: unknown) => void this.core().then((core) => core.fail(error)),
    };
    return new PanelView(
      view,
      this.context.extensionUri,
      this.records,
      this.model,
      actions,
      this.log,
    );
  }
}
