/** Tracebacks printed in a terminal, with workspace-relative files as remote frames have them, become links. */
import * as vscode from 'vscode';
import { findFrames } from './tracebackLinks';

class FrameLink extends vscode.TerminalLink {
  constructor(
    start: number,
    length: number,
    readonly file: string,
    readonly line: number,
  ) {
    super(start, length, `Open ${file} at line ${String(line)}`);
  }
}

export function registerTerminalLinks(): vscode.Disposable {
  return vscode.window.registerTerminalLinkProvider({
    provideTerminalLinks: ({ line }) =>
      findFrames(line)
        // Absolute paths are links already.
        .filter(({ file }) => !file.startsWith('/') && !file.startsWith('<'))
        .map((frame) => new FrameLink(frame.start, frame.length, frame.file, frame.line)),
    handleTerminalLink: async ({ file, line }: FrameLink) => {
      for (const folder of vscode.workspace.workspaceFolders ?? []) {
        const uri = vscode.Uri.joinPath(folder.uri, file);
        if (await exists(uri)) {
          await openAt(uri, line);
          return;
        }
      }
      void vscode.window.showWarningMessage(`Velar: ${file} is in no folder of this workspace.`);
    },
  });
}

/** Shows a file with its line (from 1) in the middle. */
export async function openAt(uri: vscode.Uri, line: number): Promise<void> {
  const position = new vscode.Position(Math.max(0, line - 1), 0);
  const editor = await vscode.window.showTextDocument(uri, {
    selection: new vscode.Range(position, position),
  });
  editor.revealRange(editor.selection, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}

async function exists(uri: vscode.Uri): Promise<boolean> {
  try {
    await vscode.workspace.fs.stat(uri);
    return true;
  } catch {
    // The question was whether it is there.
    return false;
  }
}
