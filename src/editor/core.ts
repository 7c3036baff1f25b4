/**
 * What is loaded with the first command that needs it: client, protocol schemas, sockets. Kept out of
 * activation, which must not make anyone wait.
 */
import * as vscode from 'vscode';
import { VelarError } from '../../runtime/protocol/errors';
import type { Bundle } from '../client/bundle/bundle';
import { WorkspaceBundler } from '../client/bundle/workspaceBundler';
import { attachRun } from '../client/runs';
import { RuntimeList } from '../client/runtimes';
import { BudgetAlerts } from './costs/budgetAlerts';
import { CostPage } from './costs/costPage';
import { DeployService } from './deployments/deployService';
import { DiffPages } from './deployments/diffPages';
import { EntrypointDeploys } from './deployments/entrypointDeploys';
import { MoveService } from './deployments/moveService';
import { TrySession } from './deployments/trySession';
import { asWantedTarget } from './deployments/tryTarget';
import { showChanges } from './deployments/versionChanges';
import { DebugService } from './debug/debugService';
import { PostMortems } from './debug/postMortem/postMortems';
import { joinLines } from './diagnostics/logDocuments';
import { showError } from './errors';
import { bundleText } from './runs/bundleText';
import { CallInput } from './runs/callInput';
import { ModuleCheck } from './runs/moduleCheck';
import { RememberedArguments } from './runs/rememberedArguments';
import type { RunEntry } from './runs/runRecords';
import { Reattach } from './runs/reattach';
import { RunMemory } from './runs/runMemory';
import { unfinishedRunsFile } from './runs/unfinishedRuns';
import { RunService } from './runs/runService';
import { Shipping } from './runs/shipping';
import { RunSources } from './runs/sources';
import { TargetFinder } from './runs/target';
import { PairingFlow } from './runtimes/pairing';
import { pickRuntime } from './runtimes/runtimeMenu';
import { RuntimeManager } from './runtimes/runtimeManager';
import { stopContainer } from './runtimes/stopContainer';
import { entryStorage, tokenStorage } from './runtimes/storage';
import type { Services } from './services';

/** Characters of a log beyond which a document helps nobody and the editor suffers. */
const MAX_LOG_CHARACTERS = 40_000_000;

export class Core implements vscode.Disposable {
  readonly runs: RunService;
  readonly manager: RuntimeManager;
  readonly pairing: PairingFlow;
  readonly targets: TargetFinder;
  readonly postMortems: PostMortems;
  readonly debugging: DebugService;
  readonly tries: TrySession;
  readonly deploying: DeployService;
  readonly moving: MoveService;
  readonly costs: CostPage;
  private readonly alerts: BudgetAlerts;
  private readonly pages = new DiffPages();
  private readonly entrypointDeploys: EntrypointDeploys;
  private readonly reattach: Reattach;
  private readonly list: RuntimeList;
  private readonly sources = new RunSources();
  private readonly bundler = new WorkspaceBundler();
  private readonly saved: vscode.Disposable;
  private readonly modules: ModuleCheck;

  constructor(private readonly services: Services) {
    const { context, log, records, model, documents } = services;
    const inDist = (name: string): string =>
      vscode.Uri.joinPath(context.extensionUri, 'dist', name).fsPath;
    this.list = new RuntimeList(entryStorage(context.globalState), tokenStorage(context.secrets));
    this.manager = new RuntimeManager(this.list, model, {
      runtimeScript: inDist('runtime.js'),
      version: versionOf(context),
      log,
    });
    const memory = new RunMemory(unfinishedRunsFile(context));
    this.reattach = new Reattach(records, this.manager, memory, log);
    this.pairing = new PairingFlow(this.list, this.manager);
    this.targets = new TargetFinder(documents);
    this.postMortems = new PostMortems(records, async (run) => {
      const { connection } = await this.manager.connected();
      return connection.request('run.frames', { run });
    });
    this.modules = new ModuleCheck();
    this.saved = vscode.workspace.onDidSaveTextDocument(({ uri }) => {
      this.bundler.changed([uri.fsPath]);
    });
    const { manager, targets } = this;
    const shipping = new Shipping({
      records,
      sources: this.sources,
      bundler: this.bundler,
      modules: this.modules,
      manager,
    });
    this.deploying = new DeployService({ records, documents, targets, shipping, log });
    this.entrypointDeploys = new EntrypointDeploys(records, manager, log);
    this.moving = new MoveService({ records, manager, pages: this.pages, log });
    this.runs = new RunService({
      records,
      targets: this.targets,
      input: new CallInput(new RememberedArguments(context.workspaceState)),
      shipping,
      pythonPackages: inDist('python'),
      entrypointScript: inDist('entrypoint.js'),
      version: versionOf(context),
      log,
    });
    this.debugging = new DebugService({
      records,
      model,
      targets: this.targets,
      runs: this.runs,
      manager: this.manager,
      postMortems: this.postMortems,
      log,
    });
    this.costs = new CostPage(this.manager);
    this.alerts = new BudgetAlerts(this.manager, context.globalState);
    this.tries = new TrySession(this.manager, records, context.workspaceState);
  }

  /** Opens the Try view on the deployment that the argument names, or one that is picked. */
  async tryDeployment(argument: unknown): Promise<void> {
    if (!(await this.tries.open(asWantedTarget(argument)))) return;
    this.services.panel.attach(this.tries);
    await this.services.panel.reveal(true);
  }

  /** What a version would change in an environment. */
  async showChanges(argument: unknown): Promise<void> {
    await showChanges(this.manager, this.pages, argument);
  }

  /** Lets the person choose where runs go, and connects there. */
  async selectRuntime(): Promise<void> {
    const choice = await pickRuntime(this.list);
    if (choice === undefined) return;
    if (choice === 'pair') {
      await this.pairing.pair();
      return;
    }
    await this.manager.select(choice === 'local' ? undefined : choice.id);
    await this.manager.connected();
  }

  /** Connects for the sake of runs whose end this window has not seen. */
  async followEarlierRuns(): Promise<void> {
    if (!vscode.workspace.isTrusted) return;
    try {
      await this.manager.connected();
    } catch (error) {
      // The status bar shows it; nobody has asked for anything yet.
      this.services.log.warn(`Earlier runs are not followed: ${VelarError.from(error).message}`);
    }
  }

  async startLocalRuntime(): Promise<void> {
    await this.manager.select(undefined);
    await this.manager.connected();
  }

  /** Stops the one named, or one that is picked. */
  async stopContainer(named: string | undefined): Promise<void> {
    await stopContainer(this.manager, this.services.model, named);
  }

  /** The text of what a run of this file would send. */
  async describeBundle(uri: vscode.Uri, signal: AbortSignal): Promise<string> {
    const bundle = await this.bundleOf(uri, signal);
    return bundleText(bundle, (await this.sources.of(uri)).file);
  }

  /** What a run of this file would send. */
  async bundleOf(uri: vscode.Uri, signal: AbortSignal): Promise<Bundle> {
    const { root, file, overlay } = await this.sources.of(uri);
    return this.bundler.build(root, file, overlay, signal);
  }

  /** Every line of a run, from the runtime's journal. */
  async fullLog(entry: RunEntry): Promise<string> {
    const { connection } = await this.manager.connected();
    const handle = attachRun(connection, entry.run);
    let text = '';
    const stop = handle.onLog((lines) => {
      if (text.length < MAX_LOG_CHARACTERS) text += joinLines(lines);
    });
    try {
      await handle.ended;
    } finally {
      stop();
    }
    if (text.length < MAX_LOG_CHARACTERS) return text;
    return `${text}\n… The log goes on: "velar logs ${entry.run}" prints all of it.\n`;
  }

  async fail(error: unknown): Promise<void> {
    await showError(error, this.services.log);
  }

  dispose(): void {
    this.saved.dispose();
    this.reattach.dispose();
    this.entrypointDeploys.dispose();
    this.modules.dispose();
    this.debugging.dispose();
    this.tries.dispose();
    this.costs.dispose();
    this.alerts.dispose();
    this.pages.dispose();
    this.manager.dispose();
  }
}

function versionOf(context: vscode.ExtensionContext): string {
  const manifest: unknown = context.extension.packageJSON;
  const version =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest
      ? manifest.version
      : undefined;
  return typeof version === 'string' ? version : '0';
}
