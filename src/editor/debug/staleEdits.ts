/** Edits since a debugged run was started: the lines that it does not have are marked while it goes on. */
import { readFile } from 'node:fs/promises';
import * as vscode from 'vscode';
import { sha256Hex } from '../../../runtime/protocol/bundles';
import { isNodeError } from '../../../runtime/protocol/errors';
import type { RunEntry } from '../runs/runRecords';
import { changedLines } from './lineDiff';

const NOTE = 'Edited since the debugged run started: it goes on with the line as it was sent.';

interface Watched {
  readonly entry: RunEntry;
  /** What was sent, by the address of the document. */
  readonly hashes: ReadonlyMap<string, string>;
  readonly texts: Map<string, string>;
}

export class StaleEdits implements vscode.Disposable {
  private readonly collection = vscode.languages.createDiagnosticCollection('velar-debug');
  private readonly decoration = vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    backgroundColor: new vscode.ThemeColor('diffEditor.insertedLineBackground'),
    overviewRulerColor: new vscode.ThemeColor('editorOverviewRuler.infoForeground'),
    overviewRulerLane: vscode.OverviewRulerLane.Left,
    after: {
      contentText: 'edited since the start',
      color: new vscode.ThemeColor('editorCodeLens.foreground'),
      fontStyle: 'italic',
      margin: '0 0 0 2em',
    },
  });
  private readonly watched = new Set<Watched>();
  private readonly disposables: vscode.Disposable[];

  constructor() {
    this.disposables = [
      this.collection,
      this.decoration,
      vscode.workspace.onDidOpenTextDocument((document) => this.remember(document)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.mark(document)),
      vscode.window.onDidChangeVisibleTextEditors((editors) => {
        for (const { document } of editors) this.mark(document);
      }),
    ];
  }

  /** Marks what differs from what this run was sent, until the function that is returned is called. */
  watch(entry: RunEntry, files: ReadonlyMap<string, string>): () => void {
    const hashes = new Map(
      [...files].map(([path, hash]) => [entry.resolve(path).toString(), hash]),
    );
    const watched: Watched = { entry, hashes, texts: new Map() };
    this.watched.add(watched);
    for (const document of vscode.workspace.textDocuments) this.remember(document);
    return () => {
      this.watched.delete(watched);
      for (const document of vscode.workspace.textDocuments) this.mark(document);
    };
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  /** Keeps the text of a document that stands as it was sent; an edit made before is compared with the file. */
  private remember(document: vscode.TextDocument): void {
    const uri = document.uri.toString();
    for (const { hashes, texts } of this.watched) {
      const hash = hashes.get(uri);
      if (hash === undefined || texts.has(uri)) continue;
      const text = document.getText();
      if (sha256Hex(Buffer.from(text)) === hash) texts.set(uri, text);
      else void this.readSent(document, hash, texts);
    }
  }

  /** For text whose bytes differ from the editor's, such as one with a byte order mark. */
  private async readSent(
    document: vscode.TextDocument,
    hash: string,
    texts: Map<string, string>,
  ): Promise<void> {
    if (document.uri.scheme !== 'file') return;
    try {
      const content = await readFile(document.uri.fsPath);
      if (sha256Hex(content) !== hash) return;
      texts.set(document.uri.toString(), content.toString('utf8').replace(/^\uFEFF/, ''));
      this.mark(document);
    } catch (error) {
      // Gone since: there is nothing to compare with.
      if (!isNodeError(error)) throw error;
    }
  }

  private mark(document: vscode.TextDocument): void {
    const uri = document.uri.toString();
    const lines = new Set<number>();
    for (const { texts } of this.watched) {
      const sent = texts.get(uri);
      if (sent !== undefined)
        for (const line of changedLines(sent, document.getText())) lines.add(line);
    }
    const ranges = [...lines].map((line) => document.lineAt(line).range);
    const editors = vscode.window.visibleTextEditors.filter((each) => each.document === document);
    for (const editor of editors) editor.setDecorations(this.decoration, ranges);
    this.collection.set(
      document.uri,
      ranges.map((range) => {
        const diagnostic = new vscode.Diagnostic(
          range,
          NOTE,
          vscode.DiagnosticSeverity.Information,
        );
        diagnostic.source = 'Velar';
        diagnostic.code = 'edited-since-start';
        return diagnostic;
      }),
    );
  }
}
