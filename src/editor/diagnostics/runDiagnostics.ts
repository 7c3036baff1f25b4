/**
 * Remote errors and warnings as diagnostics on the lines they came from, until the text changes or the
 * function runs again.
 */
import * as vscode from 'vscode';
import { isPythonSource, type PythonDocuments } from '../documents';
import type { RunEntry, RunRecords } from '../runs/runRecords';
import { isAbsolute, locate, openDocument, rangeOf } from './locate';
import { failureText } from './failureText';
import { exists } from './terminalLinks';
import { bundlePaths, pythonWarnings, runNotes, type PythonWarning } from './runWarnings';

export const DIAGNOSTIC_SOURCE = 'Velar';
/** Different warnings of one run that are marked. */
const MAX_WARNINGS = 50;

/** What the newest run of a function has marked. */
interface Marks {
  readonly entry: RunEntry;
  /** By document. */
  readonly documents: Map<string, vscode.Diagnostic[]>;
  /** Warnings that are marked already. */
  readonly seen: Set<string>;
}

export class RunDiagnostics implements vscode.Disposable {
  private readonly collection = vscode.languages.createDiagnosticCollection('velar');
  /** By function. */
  private readonly marks = new Map<string, Marks>();
  private readonly disposables: vscode.Disposable[];

  constructor(
    records: RunRecords,
    private readonly functions: PythonDocuments,
  ) {
    this.disposables = [
      this.collection,
      records.onDidAdd((entry) => this.begin(entry)),
      records.onDidLog(({ entry, lines }) => {
        for (const warning of pythonWarnings(lines)) void this.warn(entry, warning);
      }),
      records.onDidEnd((entry) => {
        this.show(entry);
        void this.note(entry);
      }),
      vscode.workspace.onDidChangeTextDocument((event) => {
        if (event.contentChanges.length > 0) this.clearDocument(event.document.uri.toString());
      }),
    ];
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  /** The run whose failure a diagnostic of a document tells of. */
  failureOf(uri: vscode.Uri, { range, message }: vscode.Diagnostic): RunEntry | undefined {
    for (const { entry, documents } of this.marks.values()) {
      const own = documents.get(uri.toString()) ?? [];
      const isError = own.some(
        (each) =>
          each.severity === vscode.DiagnosticSeverity.Error &&
          each.range.isEqual(range) &&
          each.message === message,
      );
      if (isError) return entry;
    }
    return undefined;
  }

  private begin(entry: RunEntry): void {
    const before = this.marks.get(keyOf(entry));
    this.marks.set(keyOf(entry), { entry, documents: new Map(), seen: new Set() });
    for (const uri of before?.documents.keys() ?? []) this.publish(uri);
  }

  private show(entry: RunEntry): void {
    const { error } = entry.record;
    if (error === null || error.kind === 'cancelled') return;
    const located = locate(entry, error);
    // The innermost frame in the person's own code is where the message helps.
    const own = located.findLast(({ frame }) => !isAbsolute(frame.file)) ?? located.at(-1);
    if (own === undefined) return;
    const diagnostic = new vscode.Diagnostic(
      own.location.range,
      failureText(error),
      vscode.DiagnosticSeverity.Error,
    );
    if (error.type !== undefined) diagnostic.code = error.type;
    diagnostic.relatedInformation = located.map(
      ({ frame, location }) =>
        new vscode.DiagnosticRelatedInformation(location, `in ${frame.function}`),
    );
    this.mark(entry, own.location.uri, diagnostic);
  }

  private async warn(entry: RunEntry, warning: PythonWarning): Promise<void> {
    const { file, line, category, message } = warning;
    const seen = this.marks.get(keyOf(entry))?.seen;
    const key = JSON.stringify(warning);
    if (seen === undefined || seen.has(key) || seen.size >= MAX_WARNINGS) return;
    seen.add(key);
    for (const path of bundlePaths(file)) {
      const uri = entry.resolve(path);
      if (openDocument(uri) === undefined && !(await exists(uri))) continue;
      const range = rangeOf(uri, { line });
      if (range === undefined) return;
      const text = `${category}: ${message}`;
      const diagnostic = new vscode.Diagnostic(range, text, vscode.DiagnosticSeverity.Information);
      diagnostic.code = category;
      if (category.includes('Deprecation')) diagnostic.tags = [vscode.DiagnosticTag.Deprecated];
      this.mark(entry, uri, diagnostic);
      return;
    }
  }

  /** What the run as a whole warns of, at its function's decorator. */
  private async note(entry: RunEntry): Promise<void> {
    const uri = vscode.Uri.parse(entry.origin.uri);
    const document = openDocument(uri);
    if (document === undefined || !isPythonSource(document)) return;
    const functions = await this.functions.functions(document);
    const found = functions.find(({ qualname }) => qualname === entry.origin.qualname);
    if (found === undefined) return;
    const { range } = document.lineAt(found.decoratorLine - 1);
    for (const note of runNotes(entry.record, found)) {
      this.mark(
        entry,
        uri,
        new vscode.Diagnostic(range, note, vscode.DiagnosticSeverity.Information),
      );
    }
  }

  private mark(entry: RunEntry, uri: vscode.Uri, diagnostic: vscode.Diagnostic): void {
    const marks = this.marks.get(keyOf(entry));
    // A newer run of the function has begun since.
    if (marks?.entry !== entry) return;
    diagnostic.source = DIAGNOSTIC_SOURCE;
    const key = uri.toString();
    marks.documents.set(key, [...(marks.documents.get(key) ?? []), diagnostic]);
    this.publish(key);
  }

  private clearDocument(uri: string): void {
    let marked = false;
    for (const { documents } of this.marks.values()) marked = documents.delete(uri) || marked;
    if (marked) this.publish(uri);
  }

  private publish(uri: string): void {
    const all = [...this.marks.values()].flatMap(({ documents }) => documents.get(uri) ?? []);
    this.collection.set(vscode.Uri.parse(uri), all);
  }
}

function keyOf({ origin }: RunEntry): string {
  return `${origin.uri}#${origin.qualname}`;
}
