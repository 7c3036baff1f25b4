/** What a screen reader says of a row of the tree. Pure. */
import type { DeployedApp, Environment, Version } from '../../../runtime/protocol/deployments';
import { formatBytes, formatMs } from '../../../runtime/protocol/figures';
import type { Container } from '../../../runtime/protocol/methods';
import { currentPhase, type RunRecord } from '../../../runtime/protocol/runRecord';
import type { DiscoveredFunction } from '../../discovery/model';
import { environmentsOf, servedBy, servedText, versionOf, versionText } from '../deployments/texts';
import { gpuLabel, type LensState } from '../lensTitles';

/** `train, L4, succeeded in 3.20 s`. */
export function spokenFunction(found: DiscoveredFunction, state: LensState): string {
  return [found.qualname, gpuLabel(found), spokenState(state)].join(', ');
}

/** `Container of hello, idle, CPU, 20.8 MB`. */
export function spokenContainer({ app, container, state, gpu, memoryBytes }: Container): string {
  const memory = memoryBytes === null ? [] : [formatBytes(memoryBytes)];
  return [`Container of ${app === '' ? container : app}`, state, gpu ?? 'CPU', ...memory].join(
    ', ',
  );
}

/** `Deployed app hello, production protected`. */
export function spokenDeployed({ app, protected: guarded }: DeployedApp): string {
  return `Deployed app ${app}${guarded ? ', production protected' : ''}`;
}

/** `staging of hello, version 3, deployed …`. */
export function spokenEnvironment(deployed: DeployedApp, environment: Environment): string {
  const served = servedBy(deployed, environment);
  const what =
    served === undefined
      ? 'serves nothing'
      : servedText(served, versionOf(deployed, served.version)).replaceAll(' · ', ', ');
  return `${environment} of ${deployed.app}, ${what}`;
}

/** `version 3 of hello, in staging, …`. */
export function spokenVersion(deployed: DeployedApp, version: Version): string {
  const where = environmentsOf(deployed, version.version).map((each) => `in ${each}`);
  const told = versionText(version).replaceAll(' · ', ', ');
  return [`version ${String(version.version)} of ${deployed.app}`, ...where, told].join(', ');
}

function spokenState(state: LensState): string {
  switch (state.kind) {
    case 'idle':
      return 'not run yet';
    case 'preparing':
      return `preparing: ${state.what}`;
    case 'run':
      return spokenRun(state.record);
  }
}

function spokenRun(record: RunRecord): string {
  const time = record.ms === null ? '' : ` ${formatMs(record.ms)}`;
  switch (record.status) {
    case 'active':
      return `running, phase ${currentPhase(record)?.phase ?? 'queued'}`;
    case 'succeeded':
      return time === '' ? 'succeeded' : `succeeded in${time}`;
    case 'failed': {
      const error = record.error?.type ?? record.error?.kind ?? 'unknown error';
      return `failed${time === '' ? '' : ` after${time}`}: ${error}`;
    }
    case 'cancelled':
      return time === '' ? 'cancelled' : `cancelled after${time}`;
  }
}
