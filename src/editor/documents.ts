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

/** Documents that lenses and runs are offered in. */
export function isPythonSource(document: vscode.TextDocument): boolean {
  const { scheme } = document.uri;
  return document.languageId === 'python' && (scheme === 'file' || scheme === 'untitled');
}

export class PythonDocuments implements vscode.Disposable {
  /** By document, not by address: a closed untitled document gives its address to the next one. */
  private readonly parsed = new WeakMap<vscode.TextDocument, Parsed>();
  private readonly listening: vscode.Disposable;
  private resolve: ModuleResolver = () => undefined;

  constructor() {
    this.listening = vscode.workspace.onDidChangeTextDocument((event) => this.edited(event));
  }

  /** Functions of a document as it stands now. */
  async functions(document: vscode.TextDocument): Promise<readonly DiscoveredFunction[]> {
    return (await this.current(document)).functions();
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
