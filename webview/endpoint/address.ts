/** Which function the page is for, as its address says. Pure. */
import { ENDPOINT_PATH, OPENAPI_NAME } from '../../runtime/protocol/endpointPaths';

export interface EndpointAddress {
  readonly environment: string;
  readonly app: string;
  readonly qualname: string;
  /** To call. */
  readonly path: string;
  /** Of the app's OpenAPI document. */
  readonly documentPath: string;
}

/** Undefined for a path that is no function's. */
export function readAddress(path: string): EndpointAddress | undefined {
  if (!path.startsWith(ENDPOINT_PATH)) return undefined;
  const [environment = '', app = '', qualname = ''] = path.slice(ENDPOINT_PATH.length).split('/');
  try {
    return {
      environment: decodeURIComponent(environment),
      app: decodeURIComponent(app),
      qualname: decodeURIComponent(qualname),
      path,
      documentPath: `${ENDPOINT_PATH}${environment}/${app}/${OPENAPI_NAME}`,
    };
  } catch {
    // Percent signs that encode nothing name nothing.
    return undefined;
  }
}
