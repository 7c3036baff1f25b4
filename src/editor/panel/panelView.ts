/** The panel in VS Code: a webview whose every message is checked. */
import * as vscode from 'vscode';
import { pageMessageSchema, type PageMessage } from '../../../runtime/protocol/panelMessages';
import { isTryPageMessage } from '../../../runtime/protocol/tryMessages';
import { commands } from '../commandIds';
import type { TrySession } from '../deployments/trySession';
import { openAt } from '../diagnostics/terminalLinks';
import type { RunEntry, RunRecords } from '../runs/runRecords';
import type { RuntimeModel } from '../runtimes/runtimeModel';
import { PanelFeed } from './panelFeed';
import { panelHtml } from './panelHtml';
import { saveResult } from './saveResult';
import { TryFeed } from './tryFeed';

/** What the page may ask of the rest of the extension. */
export interface PanelActions {
  rerun(entry: RunEntry, onCpu: boolean): Promise<unknown>;
  /** The inputs of its batch that failed. */
  rerunFailed(entry: RunEntry, onCpu: boolean): Promise<unknown>;
  stopContainer(container: string): Promise<unknown>;
  openLog(entry: RunEntry): Promise<unknown>;
  fail(error: unknown): void;
}

export class PanelView implements vscode.Disposable {
  private readonly feed: PanelFeed;
  private tries: TryFeed | undefined;
  /** The page listens. */
  private shown = false;
  private readonly disposables: vscode.Disposable[];

  constructor(
    private readonly view: vscode.WebviewView,
    extension: vscode.Uri,
    private readonly records: RunRecords,
    model: RuntimeModel,
    private readonly actions: PanelActions,
    private readonly log: vscode.LogOutputChannel,
  ) {
    const { webview } = view;
    this.feed = new PanelFeed(records, model, (message) => void webview.postMessage(message));
    this.disposables = [
      this.feed,
      webview.onDidReceiveMessage((message: unknown) => this.received(message)),
      view.onDidChangeVisibility(() => {
        // A page that shows again is made anew and says so with `ready`, unless VS Code kept it.
        if (view.visible) this.show();
        else this.hide();
      }),
      view.onDidDispose(() => this.dispose()),
    ];
    webview.options = {
      enableScripts: true,
      localResourceRoots: [
        vscode.Uri.joinPath(extension, 'dist'),
        vscode.Uri.joinPath(extension, 'media'),
      ],
    };
    webview.html = panelHtml(webview, extension);
  }

  /** The run that the page shows. */
  get selected(): RunEntry | undefined {
    return this.feed.selected;
  }

  select(run: string): void {
    this.tries?.session.close();
    this.feed.select(run);
  }

  /** Shows what the session holds, in place of runs whenever it is open. */
  attach(session: TrySession): void {
    if (this.tries?.session === session) return;
    this.tries?.dispose();
    this.tries = new TryFeed(session, (message) => void this.view.webview.postMessage(message));
    if (this.shown) this.tries.show();
  }

  dispose(): void {
    this.tries?.dispose();
    for (const disposable of this.disposables) disposable.dispose();
  }

  private show(): void {
    this.shown = true;
    this.feed.show();
    this.tries?.show();
  }

  private hide(): void {
    this.shown = false;
    this.feed.hide();
    this.tries?.hide();
  }

  private received(message: unknown): void {
    const parsed = pageMessageSchema.safeParse(message);
    if (!parsed.success) {
      this.log.error(`The panel sent something unexpected: ${parsed.error.message}`);
      return;
    }
    this.act(parsed.data).catch((error: unknown) => this.actions.fail(error));
  }

  private async act(message: PageMessage): Promise<unknown> {
    if (isTryPageMessage(message)) return this.tries?.session.act(message);
    switch (message.type) {
      case 'ready':
        return this.show();
      case 'select':
        return this.feed.select(message.run);
      case 'cancel':
        return this.records.get(message.run)?.handle.cancel();
      case 'rerun':
      case 'runOnCpu': {
        const entry = this.records.get(message.run);
        const onCpu = message.type === 'runOnCpu';
        return entry === undefined ? undefined : this.actions.rerun(entry, onCpu);
      }
      case 'rerunFailed': {
        const entry = this.records.get(message.run);
        return entry === undefined ? undefined : this.actions.rerunFailed(entry, false);
      }
      case 'openLog': {
        const entry = this.records.get(message.run);
        return entry === undefined ? undefined : this.actions.openLog(entry);
      }
      case 'inspectFailure':
        return vscode.commands.executeCommand(commands.inspectFailure, message.run);
      case 'stopContainer':
        return this.actions.stopContainer(message.container);
      case 'openFile': {
        const entry = this.tries?.entry ?? this.feed.selected;
        return entry === undefined ? undefined : openAt(entry.resolve(message.file), message.line);
      }
      case 'copy':
        return vscode.env.clipboard.writeText(message.text);
      case 'saveResult': {
        const entry = this.records.get(message.run);
        return entry === undefined ? undefined : saveResult(entry.record, message.mime);
      }
      case 'pair':
        return vscode.commands.executeCommand(commands.pair);
      case 'startLocalRuntime':
        return vscode.commands.executeCommand(commands.startLocalRuntime);
    }
  }
}
