/** What one click can mend after a failed run: changes of decorator, image or ignore file. */
import * as vscode from 'vscode';
import { takeBack, withLine } from '../../client/bundle/takeBack';
import type { RunRequest } from '../../client/api';
import type { Bundle } from '../../client/bundle/bundle';
import { addPackage } from '../../discovery/edits/pipInstall';
import { largerGpu } from '../../discovery/edits/largerGpu';
import type { FunctionText } from '../../discovery/edits/decorator';
import type { TextChange } from '../../discovery/text';
import type { PythonDocuments } from '../documents';
import type { RunEntry } from '../runs/runRecords';
import { exists } from './terminalLinks';

export interface Fix {
  readonly title: string;
  readonly edit: vscode.WorkspaceEdit;
}

/** Makes the bundle of a file as a run of it would be now. */
export type MakeBundle = (uri: vscode.Uri) => Promise<Bundle>;

/** The fixes for a run's failure; none where the text does not say plainly enough what to change. */
export async function fixesFor(
  { origin, record }: RunEntry,
  documents: PythonDocuments,
  bundleOf: MakeBundle,
): Promise<Fix[]> {
  const { error } = record;
  if (error === null) return [];
  const uri = vscode.Uri.parse(origin.uri);
  const { module, package: name } = error.details ?? {};
  if (typeof module === 'string') {
    const back = await moduleBack(uri, origin.request, module, bundleOf);
    if (back !== undefined) return [back];
  }
  const document = await vscode.workspace.openTextDocument(uri);
  const of: FunctionText = {
    text: document.getText(),
    functions: await documents.functions(document),
    qualname: origin.qualname,
  };
  if (typeof name === 'string') {
    const changes = addPackage(of, name);
    const title = `Add "${name}" to the image's pip_install`;
    return changes === undefined ? [] : [{ title, edit: editOf(document, changes) }];
  }
  if (error.kind === 'gpu-oom') {
    const larger = largerGpu(of);
    if (larger === undefined) return [];
    const title = `Run on ${larger.to} instead of ${larger.from}`;
    return [{ title, edit: editOf(document, larger.changes) }];
  }
  return [];
}

function editOf(
  document: vscode.TextDocument,
  changes: readonly TextChange[],
): vscode.WorkspaceEdit {
  const edit = new vscode.WorkspaceEdit();
  for (const { from, to, insert } of changes) {
    const range = new vscode.Range(document.positionAt(from), document.positionAt(to));
    edit.replace(document.uri, range, insert);
  }
  return edit;
}

/** A module that an ignore file keeps out: its line for `.velarignore`, shown before it is written. */
async function moduleBack(
  uri: vscode.Uri,
  { root, file: runs }: Pick<RunRequest, 'root' | 'file'>,
  module: string,
  bundleOf: MakeBundle,
): Promise<Fix | undefined> {
  const bundle = await bundleOf(uri);
  // The folders that imports start from.
  const roots = [runs.split('/').slice(0, -1).join('/'), '', 'src'];
  const back = takeBack(bundle.decisions(), roots, module);
  if (back === undefined) return undefined;
  const file = vscode.Uri.joinPath(vscode.Uri.file(root), '.velarignore');
  const shown = {
    needsConfirmation: true,
    label: `Send ${back.path} with the bundle`,
    description: back.reason,
  };
  const edit = new vscode.WorkspaceEdit();
  if (await exists(file)) {
    const document = await vscode.workspace.openTextDocument(file);
    const text = document.getText();
    const end = document.positionAt(text.length);
    edit.insert(file, end, withLine(text, back.line).slice(text.length), shown);
  } else {
    edit.createFile(file, { contents: Buffer.from(withLine('', back.line)) }, shown);
  }
  return { title: `Send ${back.path} with the bundle (.velarignore)…`, edit };
}
