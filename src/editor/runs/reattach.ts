/** Runs that went on while this window was away: remembered, and taken up again once there is a connection. */
import * as vscode from 'vscode';
import type { ActiveRun } from '../../../runtime/protocol/activeRuns';
import { VelarError } from '../../../runtime/protocol/errors';
import type { ClientConnection } from '../../client/api';
import { attachRun } from '../../client/runs';
import type { Link, RuntimeManager } from '../runtimes/runtimeManager';
import type { RunMemory } from './runMemory';
import type { RunEntry, RunOrigin, RunRecords } from './runRecords';

/** Runs that the runtime is asked for, newest first. */
const LISTED = 1000;

export class Reattach implements vscode.Disposable {
  private readonly disposables: vscode.Disposable[];

  constructor(
    private readonly records: RunRecords,
    private readonly manager: RuntimeManager,
    private readonly memory: RunMemory,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.disposables = [
      records.onDidAdd((entry) => void this.remember(entry)),
      manager.onDidConnect((link) => void this.takeUp(link)),
    ];
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  private async remember(entry: RunEntry): Promise<void> {
    // A deploy starts over by means that no memory holds.
    if (entry.origin.again !== undefined) return;
    const link = await this.manager.existing();
    if (link === undefined || entry.record.status !== 'active') return;
    const { connection } = link;
    try {
      this.memory.add({ ...activeOf(entry), runtime: connection.runtime.id });
    } catch (error) {
      this.log.warn(`${entry.run} is not remembered: ${VelarError.from(error).message}`);
      return;
    }
    try {
      await entry.handle.ended;
    } catch {
      // With its connection gone, its end is not known; of one that never began, the person was told.
      if (connection.state.kind === 'closed') return;
    }
    this.memory.forget(({ run }) => run === entry.run);
  }

  private async takeUp({ connection }: Link): Promise<void> {
    try {
      for (const active of await this.unfollowed(connection)) {
        const { run, qualname } = active;
        this.records.add(attachRun(connection, run, 0, active), originOf(active));
        this.log.info(`Follows ${qualname} again (${run})`);
      }
    } catch (error) {
      this.log.warn(`Earlier runs are not followed again: ${VelarError.from(error).message}`);
    }
  }

  /** Oldest first: the newest is to be on top. */
  private async unfollowed(connection: ClientConnection): Promise<ActiveRun[]> {
    const runtime = connection.runtime.id;
    const [{ runs: active }, { runs: listed }] = await Promise.all([
      connection.request('run.active', {}),
      connection.request('run.list', { limit: LISTED }),
    ]);
    const known = new Set(listed.map(({ run }) => run));
    this.memory.forget((each) => each.runtime === runtime && !known.has(each.run));
    const remembered = this.memory.all.filter((each) => each.runtime === runtime);
    const own = new Set(remembered.map(({ run }) => run));
    // What was started in other folders is for their windows.
    const elsewhere = active.filter((each) => !own.has(each.run) && isOfThisWindow(each));
    return [...remembered, ...elsewhere]
      .filter(({ run }) => this.records.get(run)?.handle.isOf(connection) !== true)
      .toSorted((one, other) => one.startedAt - other.startedAt);
  }
}

function isOfThisWindow(active: ActiveRun): boolean {
  return vscode.workspace.getWorkspaceFolder(uriOf(active)) !== undefined;
}

function uriOf({ origin, file }: ActiveRun): vscode.Uri {
  if (origin.uri !== undefined) return vscode.Uri.parse(origin.uri);
  return vscode.Uri.joinPath(vscode.Uri.file(origin.root), file);
}

function activeOf({ run, origin, record }: RunEntry): ActiveRun {
  const { request, uri, qualname, rerunOf } = origin;
  const { root, uri: _uri, ...asked } = request;
  const of = rerunOf === undefined ? {} : { rerunOf };
  return { ...asked, ...of, run, qualname, origin: { root, uri }, startedAt: record.startedAt };
}

function originOf(active: ActiveRun): RunOrigin {
  const { origin, file, qualname, kind, instance, cpu, debug, rerunOf } = active;
  const uri = uriOf(active).toString();
  const request = {
    root: origin.root,
    uri,
    file,
    qualname,
    kind,
    arguments: active.arguments,
    cpu,
    ...(instance === undefined ? {} : { instance }),
    ...(debug === undefined ? {} : { debug }),
  };
  return { uri, qualname, request, ...(rerunOf === undefined ? {} : { rerunOf }) };
}
