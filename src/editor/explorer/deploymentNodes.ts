/** The explorer's deployments: app, environments, their endpoints, earlier versions. */
import * as vscode from 'vscode';
import {
  environmentSchema,
  type DeployedApp,
  type Environment,
  type Version,
} from '../../../runtime/protocol/deployments';
import { endpointAddress } from '../../client/deploy';
import { commands } from '../commandIds';
import { callableNames } from '../deployments/callable';
import { servedVersion } from '../deployments/served';
import { environmentsOf, servedBy, servedText, versionOf, versionText } from '../deployments/texts';
import type { RuntimeModel } from '../runtimes/runtimeModel';
import { spokenDeployed, spokenEnvironment, spokenVersion } from './spoken';

interface DeploymentsNode {
  readonly kind: 'deployments';
}
interface DeployedNode {
  readonly kind: 'deployed';
  readonly app: string;
  readonly deployed: DeployedApp;
}
interface EnvironmentNode {
  readonly kind: 'environment';
  readonly app: string;
  readonly environment: Environment;
  readonly deployed: DeployedApp;
}
interface EndpointNode {
  readonly kind: 'endpoint';
  readonly app: string;
  readonly environment: Environment;
  readonly qualname: string;
}
interface VersionsNode {
  readonly kind: 'versions';
  readonly app: string;
  readonly deployed: DeployedApp;
}
interface VersionNode {
  readonly kind: 'version';
  readonly app: string;
  readonly version: number;
  readonly deployed: DeployedApp;
  readonly of: Version;
}
export type DeploymentNode =
  DeploymentsNode | DeployedNode | EnvironmentNode | EndpointNode | VersionsNode | VersionNode;

export function deploymentChildren(
  node: DeploymentNode,
  { deployments }: RuntimeModel,
): DeploymentNode[] {
  switch (node.kind) {
    case 'deployments':
      return deployments.map((deployed) => ({ kind: 'deployed', app: deployed.app, deployed }));
    case 'deployed': {
      const { app, deployed } = node;
      return [
        ...environmentSchema.options.map((environment) => ({
          kind: 'environment' as const,
          app,
          environment,
          deployed,
        })),
        { kind: 'versions', app, deployed },
      ];
    }
    case 'environment': {
      const { app, environment, deployed } = node;
      const version = servedVersion([deployed], app, environment);
      return (version === undefined ? [] : callableNames(version)).map((qualname) => ({
        kind: 'endpoint',
        app,
        environment,
        qualname,
      }));
    }
    case 'versions':
      return node.deployed.versions.map((of) => ({
        kind: 'version',
        app: node.app,
        version: of.version,
        deployed: node.deployed,
        of,
      }));
    case 'endpoint':
    case 'version':
      return [];
  }
}

export function deploymentItem(node: DeploymentNode, { url }: RuntimeModel): vscode.TreeItem {
  switch (node.kind) {
    case 'deployments':
      return row('Deployments', 'deployments', 'rocket', OPEN);
    case 'deployed':
      return deployedItem(node);
    case 'environment':
      return environmentItem(node);
    case 'endpoint':
      return endpointItem(node, url);
    case 'versions':
      return row('Versions', `versions:${node.app}`, 'history', CLOSED);
    case 'version':
      return versionItem(node);
  }
}

const { Expanded: OPEN, Collapsed: CLOSED, None: LEAF } = vscode.TreeItemCollapsibleState;

function row(
  label: string,
  id: string,
  icon: string,
  state: vscode.TreeItemCollapsibleState,
): vscode.TreeItem {
  const item = new vscode.TreeItem(label, state);
  item.id = id;
  item.iconPath = new vscode.ThemeIcon(icon);
  return item;
}

function deployedItem({ app, deployed }: DeployedNode): vscode.TreeItem {
  const item = row(app, `deployed:${app}`, 'package', OPEN);
  if (deployed.protected) item.description = 'production protected';
  item.contextValue = deployed.protected ? 'velar.protectedApp' : 'velar.app';
  item.accessibilityInformation = { label: spokenDeployed(deployed) };
  return item;
}

function environmentItem({ app, environment, deployed }: EnvironmentNode): vscode.TreeItem {
  const served = servedBy(deployed, environment);
  const icon = environment === 'staging' ? 'beaker' : 'globe';
  const state = served === undefined ? LEAF : OPEN;
  const item = row(environment, `environment:${environment}:${app}`, icon, state);
  item.description =
    served === undefined
      ? 'serves nothing'
      : servedText(served, versionOf(deployed, served.version));
  item.tooltip = `${environment} of ${app}: ${item.description}`;
  if (served !== undefined) item.contextValue = `velar.${environment}`;
  item.accessibilityInformation = { label: spokenEnvironment(deployed, environment) };
  return item;
}

function endpointItem(node: EndpointNode, url: string): vscode.TreeItem {
  const { app, environment, qualname } = node;
  const item = row(qualname, `endpoint:${environment}:${app}:${qualname}`, 'link', LEAF);
  const address = endpointAddress(url, environment, app, qualname);
  item.description = address;
  item.tooltip = `POST ${address}`;
  item.contextValue = 'velar.endpoint';
  item.command = { command: commands.tryDeployment, title: 'Try It', arguments: [node] };
  item.accessibilityInformation = { label: `Endpoint ${qualname} in ${environment}, ${address}` };
  return item;
}

function versionItem({ app, version, deployed, of }: VersionNode): vscode.TreeItem {
  const label = `version ${String(version)}`;
  const item = row(label, `version:${app}:${String(version)}`, 'git-commit', LEAF);
  const where = environmentsOf(deployed, version).map((each) => `in ${each}`);
  item.description = [...where, versionText(of)].join(' · ');
  item.tooltip = item.description;
  item.contextValue = 'velar.version';
  item.accessibilityInformation = { label: spokenVersion(deployed, of) };
  return item;
}
