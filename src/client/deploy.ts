/** Deploys, promotions and calls of what is deployed, each followed as a run. */
import type { Environment, VersionDiff } from '../../runtime/protocol/deployments';
import type { CallArguments } from '../../runtime/protocol/values';
import type { ClientConnection, RunHandle } from './api';
import type { Commit } from './commit';
import { startBundled, startRemote, type Bundler, type Overlay } from './runs';

export interface DeployRequest {
  /** Absolute path of the bundle's root. */
  root: string;
  /** Relative to root, `/` between parts. */
  file: string;
  /** Which app, where the file has several. */
  app: string | undefined;
  environment: Environment;
  commit: Commit | null;
  /** GPU functions may run on the CPU where there is no GPU. */
  cpu: boolean;
}

export function startDeploy(
  connection: ClientConnection,
  bundler: Bundler,
  { root, file, app, ...rest }: DeployRequest,
  overlay: Overlay = new Map(),
): RunHandle {
  const qualname = `deploy to ${rest.environment}`;
  const named = app === undefined ? {} : { app };
  const place = { root, file, qualname };
  return startBundled(connection, bundler, place, overlay, undefined, (run, bundle) =>
    connection.request('deployment.create', { run, bundle, file, ...named, ...rest }),
  );
}

export interface MoveRequest {
  app: string;
  environment: Environment;
  version: number;
  action: 'promote' | 'rollback';
}

export function startMove(connection: ClientConnection, request: MoveRequest): RunHandle {
  const { app, action, environment } = request;
  return startRemote(connection, app, `${action} ${environment}`, (run) =>
    connection.request('deployment.move', { run, ...request }),
  );
}

export interface DeployedCall {
  app: string;
  environment: Environment;
  qualname: string;
  arguments: CallArguments;
  instance?: CallArguments;
}

export function startDeployedCall(connection: ClientConnection, call: DeployedCall): RunHandle {
  return startRemote(connection, call.app, call.qualname, (run) =>
    connection.request('deployment.call', { run, ...call }),
  );
}

/** Files that a diff names one by one. */
const NAMED_FILES = 20;

/** A diff as lines: files first, at most so many by name, then what changes in functions. */
export function diffLines({ files, lines }: VersionDiff, most = NAMED_FILES): string[] {
  const signs = { added: '+', changed: '~', removed: '-' } as const;
  const named = files.slice(0, most).map(({ path, change }) => `${signs[change]} ${path}`);
  const more = files.length - named.length;
  const rest = more === 0 ? [] : [`… and ${more} more files`];
  const all = [...named, ...rest, ...lines];
  return all.length === 0 ? ['nothing changes'] : all;
}
