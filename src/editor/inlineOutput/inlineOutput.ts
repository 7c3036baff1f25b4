/** Behind each `def`: what the function's newest run returned and printed, until its text changes. */
import * as vscode from 'vscode';
import type { DiscoveredFunction } from '../../discovery/model';
import { commands } from '../commandIds';
import { isPythonSource, type PythonDocuments } from '../documents';
import type { RunEntry, RunRecords } from '../runs/runRecords';
import { inlineOutput } from '../settings';
import { HOVER_LINES, hoverText, inlineText, linesOfCode, printedLines } from './inlineText';

/** Output at full speed is drawn this often, in ms. */
const DRAW_MS = 150;
/** Lines looked at for the last printed ones: the pieces of a progress bar are lines of the log. */
const RECENT = 200;

export class InlineOutput implements vscode.Disposable {
  private readonly type = vscode.window.createTextEditorDecorationType({
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
  /** By run: the text of its function when the run was first seen with it. */
  private readonly ran = new WeakMap<RunEntry, string>();
  private readonly disposables: vscode.Disposable[];
  private timer: NodeJS.Timeout | undefined;
  private round = 0;

  constructor(
    private readonly documents: PythonDocuments,
    private readonly records: RunRecords,
  ) {
    const later = (): void => this.later();
    this.disposables = [
      this.type,
      records.onDidAdd((entry) => void this.remember(entry)),
      records.onDidChange(later),
      records.onDidLog(later),
      documents.onDidCatchUp(later),
      vscode.window.onDidChangeVisibleTextEditors(later),
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (isPythonSource(document) && this.records.all.length > 0) void this.draw();
      }),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('velar.inlineOutput')) void this.draw();
      }),
    ];
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.round += 1;
    for (const disposable of this.disposables) disposable.dispose();
  }

  /** The hints of a document as they are now. */
  async hints(document: vscode.TextDocument): Promise<vscode.DecorationOptions[]> {
    if (!isPythonSource(document) || !inlineOutput(document.uri)) return [];
    const uri = document.uri.toString();
    if (!this.records.all.some(({ origin }) => origin.uri === uri)) return [];
    const functions = await this.documents.functions(document);
    return functions.flatMap((found) => {
      const entry = this.records.latest(uri, found.qualname);
      if (entry === undefined || this.isEdited(entry, document, found)) return [];
      return hintOf(entry, document, found) ?? [];
    });
  }

  private later(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.draw();
    }, DRAW_MS);
  }

  private async draw(): Promise<void> {
    this.round += 1;
    const { round } = this;
    for (const editor of vscode.window.visibleTextEditors) {
      const hints = await this.hints(editor.document);
      if (round !== this.round) return;
      editor.setDecorations(this.type, hints);
    }
  }

  private async remember(entry: RunEntry): Promise<void> {
    const { uri, qualname } = entry.origin;
    const document = vscode.workspace.textDocuments.find((each) => each.uri.toString() === uri);
    if (document === undefined || !isPythonSource(document)) return;
    const found = (await this.documents.functions(document)).find(
      (each) => each.qualname === qualname,
    );
    if (found !== undefined) this.ran.set(entry, textOf(document, found));
  }

  private isEdited(
    entry: RunEntry,
    document: vscode.TextDocument,
    found: DiscoveredFunction,
  ): boolean {
    const text = textOf(document, found);
    const ran = this.ran.get(entry);
    if (ran === undefined) this.ran.set(entry, text);
    return ran !== undefined && ran !== text;
  }
}

function textOf(document: vscode.TextDocument, { offsets }: DiscoveredFunction): string {
  return document.getText().slice(offsets.start, offsets.end).trimEnd();
}

function hintOf(
  entry: RunEntry,
  document: vscode.TextDocument,
  found: DiscoveredFunction,
): vscode.DecorationOptions | undefined {
  const lines = printedLines(linesOfCode(entry.record, entry.log.view().lines.slice(-RECENT)));
  const hint = inlineText(entry.record, lines);
  if (hint === undefined || found.line > document.lineCount) return undefined;
  const { end } = document.lineAt(found.line - 1).range;
  return {
    range: new vscode.Range(end, end),
    hoverMessage: hoverOf(entry, lines.slice(-HOVER_LINES)),
    renderOptions: {
      after: {
        contentText: hint.text,
        margin: '0 0 0 3ch',
        // Colours that themes, high contrast included, keep readable on their background.
        color: new vscode.ThemeColor(
          hint.tone === 'error' ? 'errorForeground' : 'descriptionForeground',
        ),
      },
    },
  };
}

function hoverOf(entry: RunEntry, lines: readonly string[]): vscode.MarkdownString {
  const { title, outcome, lines: printed } = hoverText(entry.record, lines);
  const hover = new vscode.MarkdownString();
  hover.isTrusted = {
    enabledCommands: [commands.openLog, commands.openPanel, commands.inspectFailure],
  };
  hover.appendText(title);
  if (outcome !== undefined) hover.appendCodeblock(outcome, 'text');
  if (printed.length > 0) {
    hover.appendMarkdown('\n\nLast printed:\n');
    hover.appendCodeblock(printed.join('\n'), 'text');
  }
  const { uri, qualname } = entry.origin;
  const links = [
    link('Open full log', commands.openLog, entry.run),
    link('Open panel', commands.openPanel, { uri, qualname }),
  ];
  if (entry.record.error?.inspectable === true) {
    links.push(link('Inspect frames', commands.inspectFailure, entry.run));
  }
  return hover.appendMarkdown(`\n\n${links.join(' · ')}`);
}

function link(label: string, command: string, argument: unknown): string {
  return `[${label}](command:${command}?${encodeURIComponent(JSON.stringify([argument]))})`;
}
