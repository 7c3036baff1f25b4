/** A run's whole log as a read-only document, with the frames of its tracebacks as links. */
import * as vscode from 'vscode';
import type { LogLine } from '../../../runtime/protocol/logChunks';
import type { RunEntry, RunRecords } from '../runs/runRecords';
import { findFrames } from './tracebackLinks';

export const LOG_SCHEME = 'velar-log';

/** Reads a run's lines from the first one on, from the runtime. */
export type FullLog = (entry: RunEntry) => Promise<string>;

export class LogDocuments implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly disposables: vscode.Disposable[];

  constructor(
    private readonly records: RunRecords,
    private readonly fullLog: FullLog,
  ) {
    this.disposables = [
      this.changed,
      vscode.workspace.registerTextDocumentContentProvider(LOG_SCHEME, this),
      vscode.languages.registerDocumentLinkProvider(
        { scheme: LOG_SCHEME },
        { provideDocumentLinks: (document) => this.links(document) },
      ),
      records.onDidEnd((entry) => this.changed.fire(uriOf(entry))),
    ];
  }

  /** Opens the log of a run; one that is going is brought up to date when it ends. */
  async open(entry: RunEntry): Promise<void> {
    this.changed.fire(uriOf(entry));
    const document = await vscode.workspace.openTextDocument(uriOf(entry));
    await vscode.window.showTextDocument(document, { preview: true });
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const entry = this.records.get(uri.query);
    if (entry === undefined) return 'This run is no longer known to this window.\n';
    const { lines, dropped } = entry.log.view();
    if (dropped === 0) return joinLines(lines);
    return this.fullLog(entry);
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  private links(document: vscode.TextDocument): vscode.DocumentLink[] {
    const entry = this.records.get(document.uri.query);
    if (entry === undefined) return [];
    return findFrames(document.getText())
      .filter(({ file }) => !file.startsWith('<'))
      .map(({ start, length, file, line }) => {
        const range = new vscode.Range(
          document.positionAt(start),
          document.positionAt(start + length),
        );
        const link = new vscode.DocumentLink(
          range,
          entry.resolve(file).with({ fragment: `L${String(line)}` }),
        );
        link.tooltip = `Open ${file} at line ${String(line)}`;
        return link;
      });
  }
}

function uriOf({ run, record }: RunEntry): vscode.Uri {
  const time = new Date(record.startedAt).toTimeString().slice(0, 8);
  return vscode.Uri.from({
    scheme: LOG_SCHEME,
    path: `/${record.qualname} ${time}.log`,
    query: run,
  });
}

/** Lines as they were printed: a piece without a newline is followed by the rest of its own stream's line. */
export function joinLines(lines: readonly LogLine[]): string {
  let text = '';
  let open: LogLine['stream'] | undefined;
  for (const { text: line, stream, partial } of lines) {
    if (open !== undefined && open !== stream) text += '\n';
    text += partial ? line : `${line}\n`;
    open = partial ? stream : undefined;
  }
  return text;
}
