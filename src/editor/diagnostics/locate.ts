/** Frames of a run's traceback as places in the editor's files. */
import * as vscode from 'vscode';
import type { RunError, TracebackFrame } from '../../../runtime/protocol/values';
import type { RunEntry } from '../runs/runRecords';

export interface Located {
  readonly frame: TracebackFrame;
  readonly location: vscode.Location;
}

/** True for a file that is not the bundle's. */
export function isAbsolute(file: string): boolean {
  return file.startsWith('/') || file.startsWith('<') || /^[A-Za-z]:/.test(file);
}

/** Frames that can be pointed at: files of the bundle, outermost first. */
export function locate(entry: RunEntry, error: RunError): Located[] {
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
export function rangeOf(
  uri: vscode.Uri,
  frame: Pick<TracebackFrame, 'line' | 'text'>,
): vscode.Range | undefined {
  const document = openDocument(uri);
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

/** The document of an address, where it is open. */
export function openDocument(uri: vscode.Uri): vscode.TextDocument | undefined {
  return vscode.workspace.textDocuments.find((each) => each.uri.toString() === uri.toString());
}
