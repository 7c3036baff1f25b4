/** velar.deployStaging from click to version: the bundle path of a run, then progress and message. */
import * as vscode from 'vscode';
import type { DeployedApp } from '../../../runtime/protocol/deployments';
import { VelarError } from '../../../runtime/protocol/errors';
import type { RunRecord } from '../../../runtime/protocol/runRecord';
import { asShipped, commitOf } from '../../client/commit';
import { startDeploy } from '../../client/deploy';
import type { DiscoveredFunction } from '../../discovery/model';
import type { PythonDocuments } from '../documents';
import { requireTrust, showError } from '../errors';
import { askForCpu, wantedGpu } from '../runs/cpuConsent';
import type { RunEntry, RunRecords } from '../runs/runRecords';
import type { Shipment, Shipping } from '../runs/shipping';
import { asReference, type RunTarget, type TargetFinder } from '../runs/target';
import { tellServed } from './announce';
import { followed, tellFailure } from './followed';
import { folderWith } from './tryOrigin';

/** How a deploy is named among runs. */
const WHAT = 'deploy to staging';

export interface DeployParts {
  readonly records: RunRecords;
  readonly documents: PythonDocuments;
  readonly targets: TargetFinder;
  readonly shipping: Shipping;
  readonly log: vscode.LogOutputChannel;
}

/** An app of a file; its name where the text says it. */
interface DeployTarget {
  readonly app: string | undefined;
  /** Stands for the app where the person is asked about the CPU. */
  readonly target: RunTarget;
}

export class DeployService {
  /** Files and apps whose deploy is on its way. */
  private readonly going = new Set<string>();

  constructor(private readonly parts: DeployParts) {}

  /** Resolves once the deploy has started, or the person gave up. */
  async deploy(argument: unknown): Promise<RunEntry | undefined> {
    requireTrust('Deploying');
    const target = await this.targetOf(argument);
    return target === undefined ? undefined : this.start(target, false);
  }

  private async start(of: DeployTarget, cpu: boolean): Promise<RunEntry | undefined> {
    const key = `${of.target.uri.toString()}#${of.app ?? ''}`;
    // The second click of a double click.
    if (this.going.has(key)) return undefined;
    this.going.add(key);
    let entry: RunEntry | undefined;
    try {
      entry = await this.parts.shipping.ship(of.target, WHAT, { cpu }, (shipment) =>
        this.launch(of, shipment),
      );
    } finally {
      if (entry === undefined) this.going.delete(key);
    }
    if (entry !== undefined) void this.follow(entry, of, key);
    return entry;
  }

  private async launch(of: DeployTarget, shipment: Shipment): Promise<RunEntry> {
    const { connection, bundler, source, bundle, cpu, preparation } = shipment;
    const { root, file, overlay } = source;
    const commit = asShipped(
      await commitOf(root, preparation.abort.signal),
      overlay.keys(),
      root,
      bundle.files.map(({ path }) => path),
    );
    const { app } = of;
    const environment = 'staging' as const;
    const request = { root, file, app, environment, commit, cpu };
    const handle = startDeploy(connection, bundler, request, overlay);
    return this.parts.records.add(handle, {
      uri: of.target.uri.toString(),
      qualname: WHAT,
      request: {
        root,
        file,
        qualname: WHAT,
        kind: 'endpoint',
        arguments: { args: [], kwargs: {} },
        cpu,
      },
      again: (onCpu) => this.start(of, onCpu),
    });
  }

  private async follow(entry: RunEntry, of: DeployTarget, key: string): Promise<void> {
    const name = of.app ?? 'app';
    try {
      let record: RunRecord;
      try {
        record = await followed(entry, `Velar: deploying ${name} to staging`);
      } finally {
        this.going.delete(key);
      }
      const noGpu = record.error?.kind === 'capacity' && record.error.type === 'NoGpu';
      if (noGpu && !entry.origin.request.cpu) {
        const wanted = wantedGpu(of.target) ?? 'a GPU';
        const answer = await askForCpu(of.target, wanted, 'the runtime has no such card');
        if (answer === 'cpu') await this.start(of, true);
        return;
      }
      await tellFailure(`Deploying ${name}`, record);
      await tellServed(record);
    } catch (error) {
      void showError(error, this.parts.log);
    }
  }

  private async targetOf(argument: unknown): Promise<DeployTarget | undefined> {
    if (asReference(argument) !== undefined) {
      const target = await this.parts.targets.find(argument);
      return target === undefined ? undefined : standing(target, target.found.app);
    }
    const deployed = deployedOf(argument);
    const uri =
      deployed === undefined ? this.parts.targets.fileOf(undefined) : await fileOf(deployed);
    const document = await vscode.workspace.openTextDocument(uri);
    const functions = await this.parts.documents.functions(document);
    const app = deployed?.app ?? (await pickApp(functions));
    if (app === null) return undefined;
    const found = deployable(functions, app)[0];
    if (found === undefined) throw nothing(uri, app);
    return standing({ uri, functions, found }, app);
  }
}

/** A function of the app that asks for a GPU stands for it, else the one that is there. */
function standing({ uri, found, functions }: RunTarget, app: string | undefined): DeployTarget {
  const own = deployable(functions, app);
  const first = own[0];
  if (first === undefined) throw nothing(uri, app);
  const asking = own.find((each) => wantedGpu({ uri, found: each, functions }) !== undefined);
  return {
    app,
    target: { uri, functions, found: asking ?? (own.includes(found) ? found : first) },
  };
}

function deployable(
  functions: readonly DiscoveredFunction[],
  app: string | undefined,
): DiscoveredFunction[] {
  return functions.filter(
    (each) => each.kind !== 'local_entrypoint' && (app === undefined || each.app === app),
  );
}

function nothing(uri: vscode.Uri, app: string | undefined): VelarError {
  const file = vscode.workspace.asRelativePath(uri);
  const of = app === undefined ? '' : ` of ${app}`;
  return new VelarError('not-found', `${file} has no function${of} to deploy.`, {
    hint: 'Decorate one with @app.function() or @app.endpoint().',
  });
}

/** Null when the person gave up; undefined where the text names no app. */
async function pickApp(
  functions: readonly DiscoveredFunction[],
): Promise<string | undefined | null> {
  const names = [...new Set(deployable(functions, undefined).map(({ app }) => app))];
  if (names.length <= 1) return names[0];
  const picked = await vscode.window.showQuickPick(
    names.flatMap((name) => name ?? []),
    { title: 'Deploy to Staging', placeHolder: 'Which app?' },
  );
  return picked ?? null;
}

/** The app that a row of the tree is about. */
function deployedOf(argument: unknown): DeployedApp | undefined {
  if (typeof argument !== 'object' || argument === null || !('deployed' in argument)) return;
  return argument.deployed as DeployedApp;
}

/** The file that the newest version came from, in this workspace. Throws `not-found`. */
async function fileOf({ app, versions }: DeployedApp): Promise<vscode.Uri> {
  const file = versions[0]?.file ?? '';
  const uri = vscode.Uri.joinPath(await folderWith(file), file);
  try {
    await vscode.workspace.fs.stat(uri);
    return uri;
  } catch {
    throw new VelarError('not-found', `${app} came from ${file}, which is not in this workspace.`, {
      hint: 'Open the folder that has it, or deploy from the lens above a function.',
    });
  }
}
