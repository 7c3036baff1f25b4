/** Where a run's bundle is rooted, and the editor text that goes instead of what is on disk. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, sep } from 'node:path';
import * as vscode from 'vscode';
import type { Overlay } from '../../client/runs';

export interface RunSource {
  /** The document of the function; may be untitled. */
  readonly uri: vscode.Uri;
  /** Absolute folder of the bundle. */
  readonly root: string;
  /** Relative to the root, `/` between parts. */
  readonly file: string;
  /** Unsaved text by absolute path. */
  readonly overlay: Overlay;
}

/** The document or file that a path of this source's bundle means. */
export function fileOf(source: RunSource, path: string): vscode.Uri {
  if (path === source.file) return source.uri;
  return vscode.Uri.joinPath(vscode.Uri.file(source.root), path);
}

export class RunSources {
  private scratch: Promise<string> | undefined;

  /** For a file: its workspace folder, or its own folder outside of any. */
  async of(uri: vscode.Uri): Promise<RunSource> {
    const overlay = unsavedText();
    if (uri.scheme === 'untitled') return this.untitled(uri, overlay);
    const folder = vscode.workspace.getWorkspaceFolder(uri);
    const root = folder?.uri.fsPath ?? dirname(uri.fsPath);
    return { uri, root, file: relative(root, uri.fsPath).split(sep).join('/'), overlay };
  }

  /** Text that has no file yet goes as a file of the first workspace folder, so that its imports work. */
  private async untitled(uri: vscode.Uri, unsaved: Overlay): Promise<RunSource> {
    const root = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? (await this.scratchFolder());
    const file = moduleFileName(uri);
    const document = vscode.workspace.textDocuments.find(
      (each) => each.uri.toString() === uri.toString(),
    );
    const overlay = new Map(unsaved).set(join(root, file), document?.getText() ?? '');
    return { uri, root, file, overlay };
  }

  private async scratchFolder(): Promise<string> {
    this.scratch ??= mkdtemp(join(tmpdir(), 'velar-untitled-'));
    return this.scratch;
  }
}

/** `Untitled-1` as a module that Python can import. */
function moduleFileName(uri: vscode.Uri): string {
  const stem = basename(uri.path).replace(/\.py$/, '').toLowerCase();
  return `${stem.replace(/\W/g, '_')}.py`;
}

function unsavedText(): Map<string, string> {
  return new Map(
    vscode.workspace.textDocuments
      .filter((document) => document.isDirty && document.uri.scheme === 'file')
      // Another language's file may be data that the function reads: it goes as it is on screen too.
      .map((document) => [document.uri.fsPath, document.getText()]),
  );
}
