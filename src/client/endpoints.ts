/** Addresses of what environments serve. Pure. */
import type { DeployedApp, Environment } from '../../runtime/protocol/deployments';
import { endpointAddress } from './deploy';

export interface Endpoint {
  app: string;
  environment: Environment;
  qualname: string;
  address: string;
}

/** Of everything that is served; `url`: of the runtime's socket. */
export function endpointsOf(apps: readonly DeployedApp[], url: string): Endpoint[] {
  return apps.flatMap(({ app, serves, versions }) =>
    serves.flatMap(({ environment, version: number }) => {
      const version = versions.find(({ version }) => version === number);
      return (version?.functions ?? []).map(({ qualname }) => ({
        app,
        environment,
        qualname,
        address: endpointAddress(url, environment, app, qualname),
      }));
    }),
  );
}
