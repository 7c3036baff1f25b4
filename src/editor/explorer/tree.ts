/** velar.explorer: the functions of the workspace by file, the runtime's cards, containers and deployments. */
import * as vscode from 'vscode';
import type { DiscoveredFunction } from '../../discovery/model';
import type { Container, GpuList } from '../../../runtime/protocol/methods';
import { formatBytes } from '../../../runtime/protocol/figures';
import type { FunctionReference } from '../lenses';
import { gpuLabel, isRunnable } from '../lensTitles';
import type { RunRecords } from '../runs/runRecords';
import type { RuntimeModel } from '../runtimes/runtimeModel';
import { deploymentChildren, deploymentItem, type DeploymentNode } from './deploymentNodes';
import { spokenContainer, spokenFunction } from './spoken';
import { hasCards, runtimeItem, withLiveCards } from './runtimeNode';
import type { FileFunctions, WorkspaceFunctions } from './workspaceFunctions';

export const EXPLORER_VIEW_ID = 'velar.explorer';

interface FileNode {
  readonly kind: 'file';
  readonly uri: vscode.Uri;
  readonly functions: readonly DiscoveredFunction[];
}
export interface FunctionNode {
  readonly kind: 'function';
  readonly found: DiscoveredFunction;
  readonly uri: vscode.Uri;
  readonly reference: FunctionReference;
}
interface RuntimeNode {
  readonly kind: 'runtime';
}
interface ContainersNode {
  readonly kind: 'containers';
}
export interface ContainerNode {
  readonly kind: 'container';
  readonly container: Container;
}
export type ExplorerNode =
  FileNode | FunctionNode | RuntimeNode | ContainersNode | ContainerNode | DeploymentNode;

/** One object each: VS Code draws again only the rows of an object that it was given. */
const CONTAINERS: ContainersNode = { kind: 'containers' };
const DEPLOYMENTS: DeploymentNode = { kind: 'deployments' };

export class ExplorerTree implements vscode.TreeDataProvider<ExplorerNode>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<ExplorerNode | ExplorerNode[] | undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly disposables: vscode.Disposable[];
  /** Rows of functions that VS Code has. */
  private readonly rows = new Map<string, FunctionNode>();
  private groups: readonly ExplorerNode[] = [];
  private shownRuns: ReadonlyMap<string, string> = new Map();
  private shownRuntime = '';
  /** What the rows of files and functions say. */
  private shownFiles = '';
  private readonly view: vscode.TreeView<ExplorerNode>;

  constructor(
    private readonly functions: WorkspaceFunctions,
    private readonly model: RuntimeModel,
    private readonly records: RunRecords,
    /** The cards with a sample taken now; undefined where no runtime is connected. */
    private readonly readGpus: () => Promise<GpuList | undefined>,
  ) {
    this.view = vscode.window.createTreeView(EXPLORER_VIEW_ID, {
      treeDataProvider: this,
      showCollapseAll: true,
    });
    this.disposables = [
      this.changed,
      this.view,
      model.onDidChange(() => this.runtimeChanged()),
      functions.onDidChange(() => void this.functionsChanged()),
      model.onDidChangeContainers(() => this.groupChanged(CONTAINERS)),
      model.onDidChangeDeployments(() => this.groupChanged(DEPLOYMENTS)),
      records.onDidChange(() => this.runsChanged()),
    ];
  }

  getChildren(node?: ExplorerNode): ExplorerNode[] | Promise<ExplorerNode[]> {
    if (node === undefined) return this.roots();
    switch (node.kind) {
      case 'file':
        return node.functions.map((found) => this.functionNode(node.uri, found));
      case 'containers':
        return this.model.containers.map((container) => ({ kind: 'container', container }));
      case 'function':
      case 'runtime':
      case 'container':
        return [];
      default:
        return deploymentChildren(node, this.model);
    }
  }

  getTreeItem(node: ExplorerNode): vscode.TreeItem {
    switch (node.kind) {
      case 'file':
        return fileItem(node);
      case 'function':
        return this.functionItem(node);
      case 'runtime':
        return runtimeItem(this.model.value);
      case 'containers':
        return containersItem();
      case 'container':
        return containerItem(node.container);
      default:
        return deploymentItem(node, this.model);
    }
  }

  /** Asked for when the pointer rests on an item. */
  async resolveTreeItem(item: vscode.TreeItem, node: ExplorerNode): Promise<vscode.TreeItem> {
    if (node.kind !== 'runtime') return item;
    return withLiveCards(item, this.model.value.gpus, this.readGpus);
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  private async roots(): Promise<ExplorerNode[]> {
    const files = await this.functions.files();
    this.rows.clear();
    this.shownFiles = saidOf(files);
    this.groups = this.currentGroups();
    const nodes: ExplorerNode[] = files.map(({ uri, functions }) => ({
      kind: 'file',
      uri,
      functions: functions.filter(isRunnable),
    }));
    if (hasCards(this.model.value)) nodes.push({ kind: 'runtime' });
    return [...nodes, ...this.groups];
  }

  private currentGroups(): ExplorerNode[] {
    return [
      ...(this.model.containers.length > 0 ? [CONTAINERS] : []),
      ...(this.model.deployments.length > 0 ? [DEPLOYMENTS] : []),
    ];
  }

  private functionNode(uri: vscode.Uri, found: DiscoveredFunction): FunctionNode {
    const reference = { uri: uri.toString(), qualname: found.qualname };
    const node: FunctionNode = { kind: 'function', found, uri, reference };
    this.rows.set(keyOf(reference), node);
    return node;
  }

  private functionItem({ found, uri, reference }: FunctionNode): vscode.TreeItem {
    const item = new vscode.TreeItem(found.qualname);
    const line = found.line - 1;
    item.id = `function:${keyOf(reference)}`;
    item.description =
      found.app === undefined ? gpuLabel(found) : `${gpuLabel(found)} · ${found.app}`;
    item.iconPath = this.iconOf(reference);
    item.contextValue = 'velar.function';
    item.tooltip = `${found.kind.replace('_', ' ')} ${found.qualname}, line ${String(found.line)}`;
    item.command = {
      command: 'vscode.open',
      title: 'Open',
      arguments: [uri, { selection: new vscode.Range(line, 0, line, 0) }],
    };
    const state = this.records.stateOf(reference.uri, reference.qualname);
    item.accessibilityInformation = { label: spokenFunction(found, state) };
    return item;
  }

  private iconOf({ uri, qualname }: FunctionReference): vscode.ThemeIcon {
    const state = this.records.stateOf(uri, qualname);
    if (state.kind === 'idle') return new vscode.ThemeIcon('symbol-function');
    if (state.kind === 'preparing') return new vscode.ThemeIcon('loading~spin');
    switch (state.record.status) {
      case 'active':
        return new vscode.ThemeIcon('loading~spin');
      case 'succeeded':
        return new vscode.ThemeIcon('pass', new vscode.ThemeColor('testing.iconPassed'));
      case 'failed':
        return new vscode.ThemeIcon('error', new vscode.ThemeColor('testing.iconFailed'));
      case 'cancelled':
        return new vscode.ThemeIcon('circle-slash');
    }
  }

  /** Files come and go without another function: a drawing anew for those would take clicks away. */
  private async functionsChanged(): Promise<void> {
    const same = this.view.visible && saidOf(await this.functions.files()) === this.shownFiles;
    if (!same) this.changed.fire(undefined);
  }

  /** Samples of the cards come every second; only another set of cards is another tree. */
  private runtimeChanged(): void {
    const { name, gpus } = this.model.value;
    const said = hasCards(this.model.value) ? [name, ...gpus.map(({ uuid }) => uuid)].join() : '';
    if (said === this.shownRuntime) return;
    this.shownRuntime = said;
    this.changed.fire(undefined);
  }

  /** Draws a group's rows alone, for as long as the group stays: a drawing anew takes clicks away. */
  private groupChanged(group: ExplorerNode): void {
    const stays = this.groups.includes(group) && this.currentGroups().includes(group);
    this.changed.fire(stays ? group : undefined);
  }

  /** Draws the rows alone whose function began or ended a run. */
  private runsChanged(): void {
    const runs = new Map<string, string>();
    for (const preparation of this.records.preparations) runs.set(keyOf(preparation), '');
    for (const { origin, run, record } of this.records.all) {
      const key = keyOf(origin);
      if (!runs.has(key)) runs.set(key, `${run} ${record.status}`);
    }
    const before = this.shownRuns;
    this.shownRuns = runs;
    const touched = [...new Set([...before.keys(), ...runs.keys()])]
      .filter((key) => before.get(key) !== runs.get(key))
      .flatMap((key) => this.rows.get(key) ?? []);
    if (touched.length > 0) this.changed.fire(touched);
  }
}

function saidOf(files: readonly FileFunctions[]): string {
  return JSON.stringify(files.map(({ uri, functions }) => [uri.toString(), functions]));
}

function keyOf({ uri, qualname }: FunctionReference): string {
  return `${uri}#${qualname}`;
}

function fileItem({ uri }: FileNode): vscode.TreeItem {
  const item = new vscode.TreeItem(uri, vscode.TreeItemCollapsibleState.Expanded);
  item.id = `file:${uri.toString()}`;
  item.iconPath = vscode.ThemeIcon.File;
  const folder = vscode.workspace.asRelativePath(uri).split('/').slice(0, -1).join('/');
  item.description = uri.scheme === 'untitled' ? 'not saved' : folder;
  return item;
}

function containersItem(): vscode.TreeItem {
  const item = new vscode.TreeItem('Containers', vscode.TreeItemCollapsibleState.Expanded);
  item.id = 'containers';
  item.iconPath = new vscode.ThemeIcon('server-process');
  return item;
}

function containerItem(container: Container): vscode.TreeItem {
  const item = new vscode.TreeItem(container.app === '' ? container.container : container.app);
  item.id = `container:${container.container}`;
  const memory = container.memoryBytes === null ? [] : [formatBytes(container.memoryBytes)];
  item.description = [container.state, container.gpu ?? 'CPU', ...memory].join(' · ');
  item.iconPath = new vscode.ThemeIcon(container.state === 'busy' ? 'vm-active' : 'vm');
  item.contextValue = 'velar.container';
  item.accessibilityInformation = { label: spokenContainer(container) };
  item.tooltip = `Container ${container.container}, started ${new Date(container.startedAt).toLocaleTimeString()}`;
  return item;
}
