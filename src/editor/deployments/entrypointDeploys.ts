/** Deploys that the code of a run starts, as `app.deploy()` does, shown as those that were clicked. */
import type * as vscode from 'vscode';
import type { DeployEvent } from '../../../runtime/protocol/events';
import { VelarError } from '../../../runtime/protocol/errors';
import { attachRun } from '../../client/runs';
import { showError } from '../errors';
import type { RunEntry, RunRecords } from '../runs/runRecords';
import type { RuntimeManager } from '../runtimes/runtimeManager';
import { tellServed } from './announce';
import { followed } from './followed';

export class EntrypointDeploys implements vscode.Disposable {
  private readonly added: vscode.Disposable;

  constructor(
    private readonly records: RunRecords,
    private readonly manager: RuntimeManager,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.added = records.onDidAdd((entry) => {
      const off = entry.handle.onEvents((events) => {
        for (const event of events) {
          if (event.type === 'deploy') void this.show(entry, event);
        }
      });
      void entry.handle.ended.then(off, off);
    });
  }

  dispose(): void {
    this.added.dispose();
  }

  /** Where it fails, the run that asked for it says so, too. */
  private async show(by: RunEntry, { run, app, environment }: DeployEvent): Promise<void> {
    try {
      if (this.records.get(run) !== undefined) return;
      const { connection } = await this.manager.connected();
      const qualname = `deploy to ${environment}`;
      const { uri, request } = by.origin;
      const entry = this.records.add(attachRun(connection, run), {
        uri,
        qualname,
        request: { ...request, qualname, kind: 'endpoint', arguments: { args: [], kwargs: {} } },
        beside: true,
        again: () => Promise.reject(onlyByCode(app, environment)),
      });
      await tellServed(await followed(entry, `Velar: deploying ${app} to ${environment}`));
    } catch (error) {
      void showError(error, this.log);
    }
  }
}

function onlyByCode(app: string, environment: string): VelarError {
  return new VelarError('unsupported', `Code of a run deployed ${app} to ${environment}.`, {
    hint: 'Run its local entrypoint again, or click “Deploy to staging” above a function.',
  });
}
