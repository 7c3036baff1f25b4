/** Rewrites where messages say that code is: names of this machine for the editor, of the container for debugpy. Pure. */
import { isBody, type DapBody, type DapSource } from './dap';
import { baseName, type PathMap } from './paths';

/** Requests whose source has to be found in the container. */
const WITH_SOURCE = new Set(['breakpointLocations', 'gotoTargets', 'locations']);
/** Values of the program, which name no source and may be long. */
const WITHOUT_SOURCES = new Set([
  'variables',
  'evaluate',
  'setVariable',
  'setExpression',
  'completions',
  'source',
]);

/** A request as debugpy should see it; undefined where it is about a file that the container lacks. */
export function requestToRemote(
  command: string,
  args: DapBody | undefined,
  paths: PathMap,
): DapBody | undefined {
  const source = args?.['source'];
  if (args === undefined || !WITH_SOURCE.has(command) || !isBody(source)) return args ?? {};
  const [first] = remoteSources(source, paths);
  return first === undefined ? undefined : { ...args, source: first };
}

/** The same source in the container: one for each path that leads to it; none for a file that is not there. */
export function remoteSources(source: DapSource, paths: PathMap): DapSource[] {
  if (source.path === undefined || isReference(source)) return [source];
  return paths.toRemote(source.path).map((path) => ({ ...source, path }));
}

/** The body of a response or event with every source as the editor knows it. */
export function bodyToLocal(name: string, body: DapBody, paths: PathMap): DapBody {
  if (WITHOUT_SOURCES.has(name)) return body;
  if (name === 'exceptionInfo') return exceptionToLocal(body, paths);
  return localObject(body, paths);
}

function localObject(value: DapBody, paths: PathMap): DapBody {
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, localValue(key, inner, paths)]),
  );
}

function localValue(key: string, value: unknown, paths: PathMap): unknown {
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    return items.map((item) => localValue(key === 'sources' ? 'source' : key, item, paths));
  }
  if (!isBody(value)) return value;
  return key === 'source' ? localSource(value, paths) : localObject(value, paths);
}

function localSource(source: DapSource, paths: PathMap): DapSource {
  const local = source.path === undefined ? undefined : paths.toLocal(source.path);
  // Code of the container: its text comes by reference, so that no file here is taken for it.
  if (local === undefined) return { ...source, origin: 'in the container, read-only' };
  const { sourceReference: _reference, ...rest } = source;
  return { ...rest, path: local, name: baseName(local) };
}

/** The traceback that the exception shows: its paths become links of the editor. */
function exceptionToLocal(body: DapBody, paths: PathMap): DapBody {
  const { details } = body;
  if (!isBody(details) || typeof details['stackTrace'] !== 'string') return body;
  const stackTrace = paths.textToLocal(details['stackTrace']);
  return { ...body, details: { ...details, stackTrace } };
}

export function isReference({ sourceReference }: DapSource): boolean {
  return sourceReference !== undefined && sourceReference > 0;
}
