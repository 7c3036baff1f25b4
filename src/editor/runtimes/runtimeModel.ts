/** What this window knows of its runtime: plain data, pushed by the runtime manager, read by everyone. */
import * as vscode from 'vscode';
import type { DeployedApp } from '../../../runtime/protocol/deployments';
import type { Container } from '../../../runtime/protocol/methods';
import type { PanelRuntime } from '../../../runtime/protocol/panelMessages';

/** Name of the runtime of this machine. */
export const LOCAL_RUNTIME_NAME = 'This machine';

const OFF: PanelRuntime = {
  name: LOCAL_RUNTIME_NAME,
  state: 'off',
  message: null,
  gpus: [],
  gpuNote: null,
};

export class RuntimeModel implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly containersChanged = new vscode.EventEmitter<void>();
  private readonly deploymentsChanged = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;
  readonly onDidChangeContainers = this.containersChanged.event;
  readonly onDidChangeDeployments = this.deploymentsChanged.event;
  private current: PanelRuntime = OFF;
  private known: readonly Container[] = [];
  private apps: readonly DeployedApp[] = [];
  private address = '';

  get value(): PanelRuntime {
    return this.current;
  }

  get containers(): readonly Container[] {
    return this.known;
  }

  update(change: Partial<PanelRuntime>): void {
    this.current = { ...this.current, ...change };
    this.changed.fire();
  }

  setContainers(containers: readonly Container[]): void {
    this.known = containers;
    this.containersChanged.fire();
  }

  /** What is deployed, app by app. */
  get deployments(): readonly DeployedApp[] {
    return this.apps;
  }

  /** Address of the runtime that they are on, `ws://…` or `wss://…`; empty without a connection. */
  get url(): string {
    return this.address;
  }

  setDeployments(apps: readonly DeployedApp[], url: string): void {
    this.apps = apps;
    this.address = url;
    this.deploymentsChanged.fire();
  }

  dispose(): void {
    this.changed.dispose();
    this.containersChanged.dispose();
    this.deploymentsChanged.dispose();
  }
}
