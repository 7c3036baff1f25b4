/** Tracebacks printed in a terminal, with workspace-relative files as remote frames have them, become links. */
import * as vscode from 'vscode';
import { findFrames } from './tracebackLinks';

class FrameLink extends vscode.TerminalLink {
  constructor(
    start: number,
    length: number,
    readonly file: string,
    readonly line: number,
    /** Where the terminal stands; undefined where that is not known. */
    readonly folder: vscode.Uri | undefined,
  ) {
    super(start, length, `Open ${file} at line ${String(line)}`);
  }
}

export function registerTerminalLinks(): vscode.Disposable {
  return vscode.window.registerTerminalLinkProvider({
    provideTerminalLinks: ({ line, terminal }) =>
      findFrames(line)
        // Absolute paths are links already.
        .filter(({ file }) => !file.startsWith('/') && !file.startsWith('<'))
        .map(
          (frame) =>
            new FrameLink(frame.start, frame.length, frame.file, frame.line, folderOf(terminal)),
        ),
    handleTerminalLink: async ({ file, line, folder }: FrameLink) => {
      // Several folders of a workspace may have such a file: the terminal's own comes first.
      const roots = (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri);
      for (const root of folder === undefined ? roots : [folder, ...roots]) {
        const uri = vscode.Uri.joinPath(root, file);
        if (await exists(uri)) {
          await openAt(uri, line);
          return;
        }
      }
      void vscode.window.showWarningMessage(`Velar: ${file} is in no folder of this workspace.`);
    },
  });
}

function folderOf({ shellIntegration, creationOptions }: vscode.Terminal): vscode.Uri | undefined {
  const given = 'cwd' in creationOptions ? creationOptions.cwd : undefined;
  return shellIntegration?.cwd ?? (typeof given === 'string' ? vscode.Uri.file(given) : given);
}

/** Shows a file with its line (from 1) in the middle. */
export async function openAt(uri: vscode.Uri, line: number): Promise<void> {
  const position = new vscode.Position(Math.max(0, line - 1), 0);
  const editor = await vscode.window.showTextDocument(uri, {
    selection: new vscode.Range(position, position),
  });
  editor.revealRange(editor.selection, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}

/** True when there is something at the address. */
export async function exists(uri: vscode.Uri): Promise<boolean> {
  try {
    await vscode.workspace.fs.stat(uri);
    return true;
  } catch {
    // The question was whether it is there.
    return false;
  }
}
