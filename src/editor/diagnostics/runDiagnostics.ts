/** Remote errors as diagnostics on the lines they came from, until the text changes or the function runs again. */
import * as vscode from 'vscode';
import type { RunError, TracebackFrame } from '../../../runtime/protocol/values';
import type { RunEntry, RunRecords } from '../runs/runRecords';

const SOURCE = 'Velar';

interface Located {
  readonly frame: TracebackFrame;
  readonly location: vscode.Location;
}

export class RunDiagnostics implements vscode.Disposable {
  private readonly collection = vscode.languages.createDiagnosticCollection('velar');
  /** By function: the documents that its last failure has marked. */
  private readonly marks = new Map<string, Map<string, vscode.Diagnostic[]>>();
  private readonly disposables: vscode.Disposable[];

  constructor(records: RunRecords) {
    this.disposables = [
      this.collection,
      records.onDidAdd((entry) => this.clear(keyOf(entry))),
      records.onDidEnd((entry) => this.show(entry)),
      vscode.workspace.onDidChangeTextDocument((event) => {
        if (event.contentChanges.length > 0) this.clearDocument(event.document.uri.toString());
      }),
    ];
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
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
      messageOf(error),
      vscode.DiagnosticSeverity.Error,
    );
    diagnostic.source = SOURCE;
    if (error.type !== undefined) diagnostic.code = error.type;
    diagnostic.relatedInformation = located.map(
      ({ frame, location }) =>
        new vscode.DiagnosticRelatedInformation(location, `in ${frame.function}`),
    );
    this.marks.set(keyOf(entry), new Map([[own.location.uri.toString(), [diagnostic]]]));
    this.publish(own.location.uri.toString());
  }

  private clear(key: string): void {
    const documents = this.marks.get(key);
    this.marks.delete(key);
    for (const uri of documents?.keys() ?? []) this.publish(uri);
  }

  private clearDocument(uri: string): void {
    let marked = false;
    for (const documents of this.marks.values()) marked = documents.delete(uri) || marked;
    if (marked) this.publish(uri);
  }

  private publish(uri: string): void {
    const all = [...this.marks.values()].flatMap((documents) => documents.get(uri) ?? []);
    this.collection.set(vscode.Uri.parse(uri), all);
  }
}

function keyOf({ origin }: RunEntry): string {
  return `${origin.uri}#${origin.qualname}`;
}

function messageOf(error: RunError): string {
  const what = error.type === undefined ? error.message : `${error.type}: ${error.message}`;
  return error.hint === undefined ? what : `${what}\n${error.hint}`;
}

function isAbsolute(file: string): boolean {
  return file.startsWith('/') || file.startsWith('<') || /^[A-Za-z]:/.test(file);
}

/** Frames that can be pointed at: files of the bundle, outermost first. */
function locate(entry: RunEntry, error: RunError): Located[] {
  return error.traceback
    .filter(({ file }) => !isAbsolute(file))
    .flatMap((frame) => {
      const uri = entry.resolve(frame.file);
      const range = rangeOf(uri, frame);
      return range === undefined ? [] : [{ frame, location: new vscode.Location(uri, range) }];
    });
}

/**
 * Where the frame's line is now. The text may have been edited since the run began: then the nearest
 * line that says the same, or nothing when there is none.
 */
function rangeOf(uri: vscode.Uri, frame: TracebackFrame): vscode.Range | undefined {
  const document = vscode.workspace.textDocuments.find(
    (each) => each.uri.toString() === uri.toString(),
  );
  const line = Math.max(0, frame.line - 1);
  // The editor cuts a range at the line's end.
  if (document === undefined) return new vscode.Range(line, 0, line, Number.MAX_SAFE_INTEGER);
  const found = nearestLine(document, line, frame.text?.trim());
  if (found === undefined) return undefined;
  const text = document.lineAt(found);
  return new vscode.Range(
    found,
    text.firstNonWhitespaceCharacterIndex,
    found,
    text.range.end.character,
  );
}

function nearestLine(
  document: vscode.TextDocument,
  line: number,
  text: string | undefined,
): number | undefined {
  if (text === undefined || text === '') return line < document.lineCount ? line : undefined;
  const says = (index: number): boolean =>
    index >= 0 && index < document.lineCount && document.lineAt(index).text.trim() === text;
  for (let distance = 0; distance < document.lineCount; distance += 1) {
    if (says(line - distance)) return line - distance;
    if (says(line + distance)) return line + distance;
  }
  return undefined;
}
