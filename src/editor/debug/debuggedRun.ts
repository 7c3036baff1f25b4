/** A run that is debugged: waited for, connected to, its output shown, ended. */
import * as vscode from 'vscode';
import { VelarError } from '../../../runtime/protocol/errors';
import type { DebugRecord, RunRecord } from '../../../runtime/protocol/runRecord';
import type { ClientConnection } from '../../client/api';
import { openDebugChannel } from '../../client/debugChannel';
import type { RunEntry } from '../runs/runRecords';
import { pathMapOf, type BundlePaths } from './bundlePaths';
import { attachArguments } from './capabilities';
import { endText, writeLines } from './console';
import type { PathMap } from './paths';
import type { Debuggee, DebugSession } from './session';

export interface DebuggedRunParts {
  readonly entry: RunEntry;
  readonly connection: ClientConnection;
  readonly bundle: BundlePaths;
  readonly justMyCode: boolean;
  readonly stopOnEntry: boolean;
}

export class DebuggedRun {
  /** Known once debugpy waits. */
  paths: PathMap | undefined;

  constructor(readonly parts: DebuggedRunParts) {}

  get entry(): RunEntry {
    return this.parts.entry;
  }

  /** Resolves once the run is over and its output has been handed on. */
  get over(): Promise<void> {
    const settled = (): void => undefined;
    return this.entry.handle.ended.then(settled, settled);
  }

  /** Waits for the runner, and opens the channel of the function's process. Throws the run's error. */
  async connect(signal: AbortSignal): Promise<Debuggee> {
    const { entry, connection, bundle, justMyCode, stopOnEntry } = this.parts;
    const { root } = await waiting(entry, signal);
    if (root === undefined)
      throw new VelarError('protocol', 'The runtime did not say where the code is.');
    const paths = pathMapOf(bundle, root);
    this.paths = paths;
    const stream = await openDebugChannel(connection, entry.run);
    const name = entry.origin.qualname.split('.').at(-1);
    return {
      stream,
      paths,
      attach: attachArguments({ justMyCode, remoteRoot: root }),
      entry: stopOnEntry ? name : undefined,
    };
  }

  /** Another process of the run; `attach` as debugpy gave it. */
  async connectChild(attach: Record<string, unknown>): Promise<Debuggee> {
    const { entry, connection } = this.parts;
    if (this.paths === undefined) throw new VelarError('internal', 'The run is not debugged yet.');
    return { stream: await openDebugChannel(connection, entry.run), paths: this.paths, attach };
  }

  /** Shows what the run prints, from its first line on, and how it ended. Resolves when all of it was shown. */
  async show(session: DebugSession): Promise<void> {
    const { entry } = this;
    const write: DebugSession['output'] = (...of) => session.output(...of);
    const locate = (file: string): string | undefined => this.locate(file);
    writeLines(entry.log.view().lines, locate, write);
    const stop = entry.handle.onLog((lines) => writeLines(lines, locate, write));
    await this.over;
    stop();
    await session.drained();
    const category = entry.record.status === 'failed' ? 'stderr' : 'console';
    write(category, endText(entry.record));
  }

  /** Ends the call on the runtime; the container is free when that has happened. */
  async cancel(): Promise<void> {
    await this.entry.handle.cancel();
  }

  /** What the editor calls a file of a traceback: of the bundle by its relative name, or as the container has it. */
  private locate(file: string): string | undefined {
    if (file.startsWith('<')) return undefined;
    if (/^([A-Za-z]:|[\\/])/.test(file)) return this.paths?.toLocal(file);
    const uri = this.entry.resolve(file);
    return uri.scheme === 'file' ? uri.fsPath : uri.toString();
  }
}

/** Resolves when the runner waits for a client. Throws what the run failed with, or `cancelled`. */
async function waiting(entry: RunEntry, signal: AbortSignal): Promise<DebugRecord> {
  const found = new Promise<DebugRecord>((resolve) => {
    const look = (record: RunRecord): void => {
      if (record.debug?.state === 'waiting') resolve(record.debug);
    };
    look(entry.record);
    const stop = entry.handle.onEvents((_events, record) => look(record));
    void entry.handle.ended.then(stop, stop);
  });
  const ended = entry.handle.ended.then((record) => {
    throw endedEarly(record);
  });
  const aborted = new Promise<never>((_resolve, reject) => {
    const refuse = (): void => reject(new VelarError('cancelled', 'Cancelled.'));
    if (signal.aborted) refuse();
    signal.addEventListener('abort', refuse, { once: true });
  });
  return Promise.race([found, ended, aborted]);
}

function endedEarly({ status, error, qualname }: RunRecord): VelarError {
  if (status === 'cancelled') return new VelarError('cancelled', 'Cancelled.');
  const what = error?.message ?? 'it ended before a debugger could be attached.';
  const { hint } = error ?? {};
  return new VelarError('conflict', `${qualname} could not be debugged: ${what}`, {
    ...(hint === undefined ? {} : { hint }),
    details: { shownInPanel: true },
  });
}

/** The folder and files of a bundle that this window made. */
export function ownBundle(
  entry: RunEntry,
  root: string,
  files: readonly { readonly path: string }[],
): BundlePaths {
  const uri = vscode.Uri.parse(entry.origin.uri);
  const { file } = entry.origin.request;
  return {
    root,
    files: files.map(({ path }) => path),
    documents: uri.scheme === 'file' ? new Map() : new Map([[file, uri.toString()]]),
  };
}
