/** Entry of the extension: wires what listens at once, and leaves the rest to its first use. */
import type * as vscode from 'vscode';
import { registerCommands, registerPairingLinks } from './editor/commands';
import { registerDebugging } from './editor/debug/register';
import { registerTerminalLinks } from './editor/diagnostics/terminalLinks';
import type { ExplorerTree } from './editor/explorer/tree';
import type { RunRecords } from './editor/runs/runRecords';
import { Services } from './editor/services';

/** What `activate` hands to other extensions and to tests. */
export interface ExtensionApi {
  readonly records: RunRecords;
  readonly explorer: ExplorerTree;
  /** How long `activate` held the extension host, in ms. */
  readonly activationMs: number;
}

export function activate(context: vscode.ExtensionContext): ExtensionApi {
  const began = performance.now();
  const services = new Services(context);
  context.subscriptions.push(
    services,
    registerCommands(services),
    registerPairingLinks(services),
    registerTerminalLinks(),
    registerDebugging(services),
  );
  void services.showSelection();
  void services.followEarlierRuns();
  const activationMs = performance.now() - began;
  services.log.info(`Activated in ${activationMs.toFixed(1)} ms`);
  return { records: services.records, explorer: services.explorer, activationMs };
}
