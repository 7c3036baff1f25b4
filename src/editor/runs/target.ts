/** Which function a command is about: from a lens, a tree item, or the cursor. */
import * as vscode from 'vscode';
import type { DiscoveredFunction } from '../../discovery/model';
import { VelarError } from '../../../runtime/protocol/errors';
import { isPythonSource, type PythonDocuments } from '../documents';
import type { FunctionReference } from '../lenses';
import { isRunnable } from '../lensTitles';

export interface RunTarget {
  readonly uri: vscode.Uri;
  readonly found: DiscoveredFunction;
  /** All functions of the file. */
  readonly functions: readonly DiscoveredFunction[];
}

/** Reads the reference out of a command's argument; undefined for anything else. */
export function asReference(argument: unknown): FunctionReference | undefined {
  if (typeof argument !== 'object' || argument === null) return undefined;
  if ('reference' in argument) return asReference(argument.reference);
  if (!('uri' in argument) || !('qualname' in argument)) return undefined;
  const { uri, qualname } = argument;
  return typeof uri === 'string' && typeof qualname === 'string' ? { uri, qualname } : undefined;
}

export class TargetFinder {
  constructor(private readonly documents: PythonDocuments) {}

  /**
   * The function named by the argument, else the one at the cursor; the person picks where there are
   * several and none is meant. Undefined when the person gave up. Throws `not-found`.
   */
  async find(argument: unknown): Promise<RunTarget | undefined> {
    const reference = asReference(argument);
    if (reference !== undefined) return this.named(reference);
    return this.atCursor(pythonEditor());
  }

  /** The file of the function named by the argument, else the one in the editor. Throws `not-found`. */
  fileOf(argument: unknown): vscode.Uri {
    const reference = asReference(argument);
    return reference === undefined ? pythonEditor().document.uri : vscode.Uri.parse(reference.uri);
  }

  private async named({ uri, qualname }: FunctionReference): Promise<RunTarget> {
    const parsed = vscode.Uri.parse(uri);
    const functions = await this.functionsOf(parsed);
    const found = functions.find((each) => each.qualname === qualname);
    if (found === undefined) {
      throw new VelarError('not-found', `${qualname} is no longer in this file.`, {
        hint: 'Run it from the lens above its new place.',
      });
    }
    return { uri: parsed, found, functions };
  }

  private async atCursor(editor: vscode.TextEditor): Promise<RunTarget | undefined> {
    const functions = await this.documents.functions(editor.document);
    const runnable = functions.filter(isRunnable);
    const line = editor.selection.active.line + 1;
    const around = runnable.findLast(
      ({ decoratorLine, endLine }) => decoratorLine <= line && line <= endLine,
    );
    const only = runnable.length === 1 ? runnable[0] : undefined;
    const found = around ?? only ?? (await pickFunction(runnable));
    return found === undefined ? undefined : { uri: editor.document.uri, found, functions };
  }

  /** From the open document, else from the file's bytes: a run never opens a document. */
  private async functionsOf(uri: vscode.Uri): Promise<readonly DiscoveredFunction[]> {
    const open = vscode.workspace.textDocuments.find(
      (document) => document.uri.toString() === uri.toString(),
    );
    return open === undefined
      ? this.documents.functionsOfFile(uri)
      : this.documents.functions(open);
  }
}

function pythonEditor(): vscode.TextEditor {
  const editor = vscode.window.activeTextEditor;
  if (editor !== undefined && isPythonSource(editor.document)) return editor;
  throw new VelarError('not-found', 'No Python file is open.', {
    hint: 'Open a file with a function under @app.function().',
  });
}

async function pickFunction(
  functions: readonly DiscoveredFunction[],
): Promise<DiscoveredFunction | undefined> {
  if (functions.length === 0) {
    throw new VelarError('not-found', 'This file has no function that Velar can run.', {
      hint: 'Put @app.function() above one, where app is a velar.App.',
    });
  }
  const picked = await vscode.window.showQuickPick(
    functions.map((found) => ({
      label: found.qualname,
      description: `line ${String(found.line)}`,
      found,
    })),
    { title: 'Run on GPU', placeHolder: 'Which function?' },
  );
  return picked?.found;
}
