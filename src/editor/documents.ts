/**
 * What discovery knows of open Python documents: parsed from their buffers and followed edit by edit.
 * Never opens a document itself.
 */
import * as vscode from 'vscode';
import type { DiscoveredFunction, ModuleImport } from '../discovery/model';
import type { PythonDocument } from '../discovery/parse';
import type { ModuleResolver } from '../discovery/values';

interface Parsed {
  document: PythonDocument;
  version: number;
}

/** Parsing that an edit left over goes on in slices of this length, in ms, so that typing stays smooth. */
const SLICE_MS = 5;

/** Documents that lenses and runs are offered in. */
export function isPythonSource(document: vscode.TextDocument): boolean {
  const { scheme } = document.uri;
  return document.languageId === 'python' && (scheme === 'file' || scheme === 'untitled');
}

export class PythonDocuments implements vscode.Disposable {
  /** By document, not by address: a closed untitled document gives its address to the next one. */
  private readonly parsed = new WeakMap<vscode.TextDocument, Parsed>();
  private readonly listening: vscode.Disposable;
  private readonly behind = new Set<PythonDocument>();
  private readonly caughtUp = new vscode.EventEmitter<void>();
  /** Functions of a document are up to date again after an edit that took long to parse. */
  readonly onDidCatchUp = this.caughtUp.event;
  private resolve: ModuleResolver = () => undefined;

  constructor() {
    this.listening = vscode.workspace.onDidChangeTextDocument((event) => this.edited(event));
  }

  /** Functions of a document as it stands now. */
  async functions(document: vscode.TextDocument): Promise<readonly DiscoveredFunction[]> {
    const current = await this.current(document);
    const functions = current.functions();
    if (current.isBehind) this.catchUpLater(current);
    return functions;
  }

  /** Functions of a file that is not open, read now. Throws the file system's error. */
  async functionsOfFile(uri: vscode.Uri): Promise<readonly DiscoveredFunction[]> {
    const { readFunctions } = await import('../discovery/parse');
    const text = new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
    return readFunctions(text, { file: uri.fsPath, resolve: this.resolve });
  }

  async imports(document: vscode.TextDocument): Promise<readonly ModuleImport[]> {
    return (await this.current(document)).imports();
  }

  /** Says where the workspace's modules are, or that they have changed. */
  useResolver(resolve: ModuleResolver): void {
    this.resolve = resolve;
    for (const document of vscode.workspace.textDocuments)
      this.parsed.get(document)?.document.refresh();
  }

  dispose(): void {
    this.listening.dispose();
    this.behind.clear();
    this.caughtUp.dispose();
  }

  private catchUpLater(document: PythonDocument): void {
    if (this.behind.has(document)) return;
    this.behind.add(document);
    const parseOn = (): void => {
      if (!this.behind.has(document)) return;
      if (document.catchUp(SLICE_MS)) {
        this.behind.delete(document);
        this.caughtUp.fire();
      } else setImmediate(parseOn);
    };
    setImmediate(parseOn);
  }

  private async current(document: vscode.TextDocument): Promise<PythonDocument> {
    // The parser's tables take some milliseconds to load, which activation must not wait for.
    const { PythonDocument } = await import('../discovery/parse');
    const known = this.parsed.get(document);
    if (known === undefined) {
      const fresh = new PythonDocument(document.getText(), {
        file: document.uri.scheme === 'file' ? document.uri.fsPath : '',
        resolve: (request) => this.resolve(request),
      });
      this.parsed.set(document, { document: fresh, version: document.version });
      return fresh;
    }
    if (known.version !== document.version) {
      known.document.setText(document.getText());
      known.version = document.version;
    }
    return known.document;
  }

  private edited({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    const known = this.parsed.get(document);
    // A version that was missed, or a change of line endings, is caught up with by `current`.
    if (known === undefined || document.version !== known.version + 1) return;
    if (contentChanges.length === 0 || document.eol !== eolOf(known.document.text, document.eol)) {
      return;
    }
    known.document.edit(
      contentChanges.map(({ rangeOffset, rangeLength, text }) => ({
        from: rangeOffset,
        to: rangeOffset + rangeLength,
        insert: text,
      })),
    );
    known.version = document.version;
  }
}

function eolOf(text: string, fallback: vscode.EndOfLine): vscode.EndOfLine {
  const end = text.indexOf('\n');
  if (end < 0) return fallback;
  return text.charAt(end - 1) === '\r' ? vscode.EndOfLine.CRLF : vscode.EndOfLine.LF;
}
