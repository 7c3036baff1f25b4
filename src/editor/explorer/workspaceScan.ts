/**
 * One scan of the workspace's folders, and the watch that keeps it true. Reads files, never opens
 * documents; ignored folders and virtual environments are not looked into.
 */
import { readFile } from 'node:fs/promises';
import { join, posix, relative, sep } from 'node:path';
import * as vscode from 'vscode';
import { isNodeError } from '../../../runtime/protocol/errors';
import { walk } from '../../client/bundle/walk';
import type { DiscoveredFunction } from '../../discovery/model';
import { PythonDocument } from '../../discovery/parse';

export type OnFile = (uri: vscode.Uri, functions: readonly DiscoveredFunction[]) => void;

/** Larger files are data that happens to be Python. */
const MAX_BYTES = 2 * 1024 * 1024;
const READ_AT_ONCE = 32;

/** What a file must mention to be worth parsing: the SDK, or a decorator of an app from elsewhere. */
const MENTIONS = ['velar', '.function', '.endpoint', '.cls', '.local_entrypoint'];

interface ScannedFolder {
  readonly root: string;
  /** Skipped paths, folders with `/` at the end. */
  readonly skipped: Set<string>;
}

export class WorkspaceScan implements vscode.Disposable {
  private readonly folders: ScannedFolder[] = [];
  private readonly watcher: vscode.FileSystemWatcher;
  private readonly disposables: vscode.Disposable[];

  constructor(
    private readonly onFile: OnFile,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.watcher = vscode.workspace.createFileSystemWatcher('**/*.py');
    this.disposables = [
      this.watcher,
      this.watcher.onDidCreate((uri) => void this.changed(uri)),
      this.watcher.onDidChange((uri) => void this.changed(uri)),
      this.watcher.onDidDelete((uri) => this.onFile(uri, [])),
    ];
  }

  /** Resolves when every folder has been looked at, or the token says to stop. */
  async run(token: vscode.CancellationToken): Promise<void> {
    const abort = new AbortController();
    const listening = token.onCancellationRequested(() => abort.abort());
    try {
      for (const { uri } of vscode.workspace.workspaceFolders ?? []) {
        if (uri.scheme === 'file') await this.scanFolder(uri.fsPath, abort.signal);
      }
    } catch (error) {
      if (!abort.signal.aborted) throw error;
    } finally {
      listening.dispose();
    }
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  private async scanFolder(root: string, signal: AbortSignal): Promise<void> {
    const began = performance.now();
    const folder: ScannedFolder = { root, skipped: new Set() };
    this.folders.push(folder);
    let count = 0;
    for await (const batch of walk(root, { signal, wanted: (name) => name.endsWith('.py') })) {
      for (const { path } of batch.skipped) folder.skipped.add(path);
      count += batch.files.length;
      for (let at = 0; at < batch.files.length; at += READ_AT_ONCE) {
        const some = batch.files.slice(at, at + READ_AT_ONCE);
        await Promise.all(some.map(({ path }) => this.read(join(root, path))));
        if (signal.aborted) return;
      }
    }
    const ms = (performance.now() - began).toFixed(0);
    this.log.info(`Looked at ${String(count)} Python files of ${root} in ${ms} ms`);
  }

  private async read(path: string): Promise<void> {
    try {
      const bytes = await readFile(path);
      const relevant =
        bytes.byteLength <= MAX_BYTES && MENTIONS.some((mention) => bytes.includes(mention));
      const functions = relevant
        ? new PythonDocument(bytes.toString('utf8'), { file: path }).functions()
        : [];
      this.onFile(vscode.Uri.file(path), functions);
    } catch (error) {
      // A file that went, or can't be read, has no functions to show.
      if (!isNodeError(error)) throw error;
      this.onFile(vscode.Uri.file(path), []);
    }
  }

  private async changed(uri: vscode.Uri): Promise<void> {
    const folder = this.folders.find(({ root }) => isInside(root, uri.fsPath));
    if (folder === undefined) return;
    const path = relative(folder.root, uri.fsPath).split(sep).join(posix.sep);
    const skipped = [...folder.skipped].some(
      (each) => path === each || (each.endsWith('/') && path.startsWith(each)),
    );
    if (!skipped) await this.read(uri.fsPath);
  }
}

function isInside(root: string, path: string): boolean {
  return path.startsWith(root.endsWith(sep) ? root : root + sep);
}
