/**
 * A trivial function as an endpoint, called over HTTP. Goals: a warm call's p50 at most 2 ms over the runtime's own
 * warm call; 500 requests a second held with a p99 under 50 ms and none failed; none failed while versions change.
 */
import { bundleId } from '../runtime/protocol/bundles';
import { startDeploy, startMove } from '../src/client/deploy';
import { startBenchRuntime, startFloor, succeeds, type BenchRuntime } from './support/benchRuntime';
import { EndpointClient, hold } from './support/endpointLoad';
import { figure, median, percentile, type Figure } from './support/statistics';
import { openCalls, sideBySide, type Series } from './support/warmCalls';

export const name = 'endpoint';

const PER_SECOND = 500;
const HELD_MS = 10_000;

const app = (version: number): string => `
import velar
app = velar.App("bench")

# Version ${String(version)}
@app.endpoint()
def echo(number: int) -> int:
    return number

@app.local_entrypoint()
def main() -> None:
    pass
`;

export async function* run(): AsyncGenerator<Figure> {
  const runtime = await startBenchRuntime();
  const floor = await startFloor(runtime.python);
  const bare = new EndpointClient(floor.url, '/', '', (number) => `[${String(number)}]`);
  try {
    const first = await deploy(runtime, 1, 'production');
    const { connection } = runtime;
    const { key } = await connection.request('key.create', { environment: 'production', name });
    const path = '/v1/endpoints/production/bench/echo';
    const client = new EndpointClient(runtime.address.url, path, key, String);
    const own = await openCalls(connection, first);
    const [owns, calls, least] = await sideBySide(own, callsOf(client), callsOf(bare));
    const over = median(calls) - median(owns);
    yield figure('endpoint warm call p50', median(calls), 'ms', median(least));
    yield figure('endpoint warm call p99', percentile(calls, 0.99), 'ms', percentile(least, 0.99));
    yield figure('endpoint over own warm call p50', over, 'ms', median(owns));

    const bareLoad = await hold(bare, PER_SECOND, after(HELD_MS));
    const load = await hold(client, PER_SECOND, after(HELD_MS));
    const p99 = percentile(load.samples, 0.99);
    yield figure('endpoint held rate', load.rate, 'requests/s', bareLoad.rate);
    yield figure('endpoint p50 at 500/s', median(load.samples), 'ms', median(bareLoad.samples));
    yield figure('endpoint p99 at 500/s', p99, 'ms', percentile(bareLoad.samples, 0.99));
    yield failed('endpoint failed at 500/s', load.failures);

    const moving = await hold(client, PER_SECOND, changeVersions(runtime));
    const movingP99 = percentile(moving.samples, 0.99);
    yield figure('endpoint p99 while promoted', movingP99, 'ms', p99);
    yield failed('endpoint failed while promoted', moving.failures);
    client.close();
  } finally {
    bare.close();
    await floor.dispose();
    await runtime.dispose();
  }
}

/** Resolves with the bundle. */
async function deploy(
  runtime: BenchRuntime,
  version: number,
  environment: 'staging' | 'production',
): Promise<string> {
  const { connection, bundler } = runtime;
  const root = await runtime.workspace({ 'app.py': app(version) });
  const request = { root, file: 'app.py', app: undefined, environment, commit: null, cpu: false };
  await succeeds(startDeploy(connection, bundler, request));
  const { files } = await bundler.build(root, 'app.py', new Map(), new AbortController().signal);
  return bundleId(files);
}

/** Another version into staging, from there to production, and back. */
async function changeVersions(runtime: BenchRuntime): Promise<void> {
  const { connection } = runtime;
  await deploy(runtime, 2, 'staging');
  const move = { app: 'bench', environment: 'production' } as const;
  await succeeds(startMove(connection, { ...move, version: 2, action: 'promote' }));
  await succeeds(startMove(connection, { ...move, version: 1, action: 'rollback' }));
}

function callsOf(client: EndpointClient): Series {
  return { once: (index) => client.call(index % 256), close: () => Promise.resolve() };
}

/** The kinds of failures go to stderr, numbers in them aside: a count alone tells nobody what to mend. */
function failed(what: string, failures: readonly string[]): Figure {
  const kinds = new Map<string, number>();
  for (const failure of failures) {
    const kind = failure.replace(/(?<=\D)\d+/g, 'N');
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  for (const [kind, count] of kinds) console.error(`${what}: ${String(count)} times ${kind}`);
  return figure(what, failures.length, 'requests', null);
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
