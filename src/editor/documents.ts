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
  private readonly parsed = new Map<string, Parsed>();
  private readonly disposables: vscode.Disposable[];
  private resolve: ModuleResolver = () => undefined;

  constructor() {
    this.disposables = [
      vscode.workspace.onDidChangeTextDocument((event) => this.edited(event)),
      vscode.workspace.onDidCloseTextDocument((document) => {
        this.parsed.delete(document.uri.toString());
      }),
    ];
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
    for (const { document } of this.parsed.values()) document.refresh();
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
    this.parsed.clear();
  }

  private async current(document: vscode.TextDocument): Promise<PythonDocument> {
    // The parser's tables take some milliseconds to load, which activation must not wait for.
    const { PythonDocument } = await import('../discovery/parse');
    const key = document.uri.toString();
    const known = this.parsed.get(key);
    if (known === undefined) {
      const fresh = new PythonDocument(document.getText(), {
        file: document.uri.scheme === 'file' ? document.uri.fsPath : '',
        resolve: (request) => this.resolve(request),
      });
      this.parsed.set(key, { document: fresh, version: document.version });
      return fresh;
    }
    if (known.version !== document.version) {
      known.document.setText(document.getText());
      known.version = document.version;
    }
    return known.document;
  }

  private edited({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    const known = this.parsed.get(document.uri.toString());
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
