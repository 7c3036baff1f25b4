/** Deploys, moves and calls of deployed functions on a harness, each watched as a run. */
import { newRunId } from '../../../runtime/protocol/runIds';
import type { Environment } from '../../../runtime/protocol/deployments';
import type { Gpu } from '../../../runtime/protocol/methods';
import type { GpuInventory } from '../../../runtime/gpu/detect';
import { errorOf, type Harness, type WatchedRun } from './harness';

/** Cards made up for tests: nothing here has run on hardware. */
export function madeUpCards(...models: string[]): GpuInventory {
  const gpus = models.map((model, index): Gpu => ({
    index,
    uuid: `GPU-made-up-${index}`,
    name: `NVIDIA ${model}`,
    model,
    memoryTotalBytes: 24 * 1024 ** 3,
    memoryUsedBytes: null,
  }));
  return { gpus, note: null, smi: null };
}

export async function startDeploy(
  harness: Harness,
  files: Record<string, string>,
  environment: Environment,
): Promise<WatchedRun> {
  const run = newRunId();
  const bundle = await harness.bundle(files);
  const request = { run, bundle, file: 'app.py', environment, commit: null, cpu: false };
  harness.service.deployments.create(request, 'tester');
  return harness.watch(run);
}

export function startMove(
  harness: Harness,
  app: string,
  environment: Environment,
  version: number,
  action: 'promote' | 'rollback',
): WatchedRun {
  const run = newRunId();
  harness.service.deployments.move({ run, app, environment, version, action }, 'tester');
  return harness.watch(run);
}

export async function startCall(
  harness: Harness,
  app: string,
  environment: Environment,
  qualname: string,
  args: (string | number)[] = [],
): Promise<WatchedRun> {
  const run = newRunId();
  const given = { args: args.map((json) => ({ json })), kwargs: {} };
  await harness.service.deployments.call(run, environment, app, qualname, given);
  return harness.watch(run);
}

/** Resolves once it has succeeded. */
export async function succeeded(run: WatchedRun): Promise<WatchedRun> {
  const { status } = await run.ended;
  if (status !== 'succeeded') throw new Error(`${run.id} ${status}: ${errorOf(run).message}`);
  return run;
}

/** The version that an environment serves; undefined where it serves none. */
export function servedVersion(
  harness: Harness,
  app: string,
  environment: Environment,
): number | undefined {
  const found = harness.service.deployments.list().find((each) => each.app === app);
  return found?.serves.find((each) => each.environment === environment)?.version;
}
