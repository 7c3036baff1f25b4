/** Hands VS Code the panel when it first shows, and reveals it for a run. */
import * as vscode from 'vscode';
import type { TrySession } from '../deployments/trySession';
import type { RunEntry } from '../runs/runRecords';
import type { PanelView } from './panelView';

export const PANEL_VIEW_ID = 'velar.panel';

export class PanelProvider implements vscode.WebviewViewProvider, vscode.Disposable {
  private view: { readonly webviewView: vscode.WebviewView; readonly page: PanelView } | undefined;
  private chosen: string | undefined;
  private session: TrySession | undefined;
  private readonly registration: vscode.Disposable;

  constructor(private readonly makePage: (view: vscode.WebviewView) => Promise<PanelView>) {
    this.registration = vscode.window.registerWebviewViewProvider(PANEL_VIEW_ID, this);
  }

  get visible(): boolean {
    return this.view?.webviewView.visible ?? false;
  }

  /** The run that the panel shows, when there is a panel. */
  get selected(): RunEntry | undefined {
    return this.view?.page.selected;
  }

  /** Chooses the run that the panel shows, now or when it opens. */
  select(run: string): void {
    if (this.view === undefined) this.chosen = run;
    else this.view.page.select(run);
  }

  /** What the Try view shows, now and in each panel that is opened later. */
  attach(session: TrySession): void {
    this.session = session;
    this.view?.page.attach(session);
  }

  async resolveWebviewView(webviewView: vscode.WebviewView): Promise<void> {
    webviewView.onDidDispose(() => (this.view = undefined));
    const page = await this.makePage(webviewView);
    if (this.chosen !== undefined) page.select(this.chosen);
    this.chosen = undefined;
    if (this.session !== undefined) page.attach(this.session);
    this.view = { webviewView, page };
  }

  /** Shows the panel; `focus` moves the keyboard there too. */
  async reveal(focus: boolean): Promise<void> {
    if (this.view !== undefined && !focus) this.view.webviewView.show(true);
    else await vscode.commands.executeCommand(`${PANEL_VIEW_ID}.focus`, { preserveFocus: !focus });
  }

  dispose(): void {
    this.registration.dispose();
    this.view?.page.dispose();
  }
}
