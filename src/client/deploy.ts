/** Deploys, promotions and calls of what is deployed, each followed as a run. */
import { environmentSchema, type Environment } from '../../runtime/protocol/deployments';
import { ENDPOINT_PATH } from '../../runtime/protocol/endpointPaths';
import type { RunRecord } from '../../runtime/protocol/runRecord';
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

/** Deploys from a bundle that the runtime has already. */
export function startDeployOf(
  connection: ClientConnection,
  request: Omit<DeployRequest, 'root'> & { bundle: string; app: string; within: string },
): RunHandle {
  const { file, environment } = request;
  return startRemote(connection, file, `deploy to ${environment}`, (run) =>
    connection.request('deployment.create', { run, ...request }),
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

/** What a deploy or a move says is served now; undefined of what did not succeed. */
export function servedOf({
  status,
  result,
}: RunRecord): { app: string; version: number; environment: Environment } | undefined {
  if (status !== 'succeeded' || result === null || !('value' in result)) return undefined;
  const { value } = result;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const environment = environmentSchema.safeParse(value['environment']).data;
  const { app, version } = value;
  if (typeof app !== 'string' || typeof version !== 'number') return undefined;
  return environment === undefined ? undefined : { app, version, environment };
}

/** HTTP address of an endpoint on the runtime whose socket has the address `url` (`ws://…`, `wss://…`). */
export function endpointAddress(
  url: string,
  environment: Environment,
  app: string,
  qualname: string,
): string {
  const base = url.replace(/^ws/, 'http').replace(/\/+$/, '');
  const path = [environment, app, qualname].map(encodeURIComponent).join('/');
  return `${base}${ENDPOINT_PATH}${path}`;
}
