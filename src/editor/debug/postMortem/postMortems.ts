/** velar.inspectFailure: opens the frames of a failed run in the debugger's own views. */
import * as vscode from 'vscode';
import { VelarError } from '../../../../runtime/protocol/errors';
import type { PostMortem } from '../../../../runtime/protocol/postMortem';
import { isAbsolute } from '../../diagnostics/locate';
import type { RunEntry, RunRecords } from '../../runs/runRecords';
import { PostMortemAdapter } from './adapter';

/** Asks the runtime for what it kept of a run's failure. */
export type FetchFrames = (run: string) => Promise<PostMortem>;

export class PostMortems {
  constructor(
    private readonly records: RunRecords,
    private readonly fetch: FetchFrames,
  ) {}

  /** Throws `not-found` for a run that has no frames to show. */
  async inspect(entry: RunEntry | undefined): Promise<void> {
    if (entry?.record.error?.inspectable !== true) {
      throw new VelarError('not-found', 'There is no failure whose frames can be shown.', {
        hint: 'Frames are kept of runs whose function raised: run it again, then inspect it.',
      });
    }
    const { record, run } = entry;
    const folder = vscode.workspace.getWorkspaceFolder(vscode.Uri.parse(entry.origin.uri));
    await vscode.debug.startDebugging(
      folder,
      {
        type: 'velar',
        // VS Code knows of launch and attach only.
        request: 'attach',
        name: `${record.qualname}: ${record.error?.type ?? 'failed'} (over)`,
        failedRun: run,
        internalConsoleOptions: 'neverOpen',
      },
      { suppressSaveBeforeStart: true },
    );
  }

  /** For the factory of debug type `velar`, where the session's configuration names a `failedRun`. */
  async adapterOf({ configuration }: vscode.DebugSession): Promise<vscode.DebugAdapterDescriptor> {
    const run = String(configuration['failedRun']);
    const entry = this.records.get(run);
    if (entry === undefined) {
      throw new VelarError('not-found', 'This window does not know the run any more.', {
        hint: 'Run the function again, then inspect its failure.',
      });
    }
    const frames = await this.fetch(run);
    const findSource = (file: string): vscode.Uri | undefined =>
      isAbsolute(file) ? undefined : entry.resolve(file);
    return new vscode.DebugAdapterInlineImplementation(new PostMortemAdapter(frames, findSource));
  }
}
