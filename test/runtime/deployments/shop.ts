/** Deploys, moves and calls of the app `shop` of a harness, for tests of what versions are made of. */
import assert from 'node:assert/strict';
import { newRunId } from '../../../runtime/protocol/runIds';
import type { DeployedFunction, Environment } from '../../../runtime/protocol/deployments';
import type { Harness, WatchedRun } from '../scheduling/harness';

export class Shop {
  constructor(private readonly harness: Harness) {}

  /** Lets staging serve `app.py` of the bundle. */
  async deploy(bundle: string): Promise<WatchedRun> {
    const run = newRunId();
    const environment = 'staging' as const;
    const request = { run, bundle, file: 'app.py', environment, commit: null, cpu: false };
    this.harness.service.deployments.create(request, 'test');
    return this.succeeded(run);
  }

  /** Lets an environment serve a version; as a promotion where it is production's first time. */
  async move(
    version: number,
    environment: Environment,
    action: 'promote' | 'rollback',
  ): Promise<WatchedRun> {
    const run = newRunId();
    const request = { run, app: 'shop', environment, version, action };
    this.harness.service.deployments.move(request, 'test');
    return this.succeeded(run);
  }

  async call(environment: Environment, qualname: string): Promise<WatchedRun> {
    const run = newRunId();
    const { deployments } = this.harness.service;
    await deployments.call(run, environment, 'shop', qualname, { args: [], kwargs: {} });
    return this.succeeded(run);
  }

  /** What is said before a version is moved. */
  async preview(version: number, environment: Environment): Promise<readonly string[]> {
    const { notes = [] } = await this.harness.service.deployments.diff(
      'shop',
      environment,
      version,
    );
    return notes;
  }

  functions(version: number): readonly DeployedFunction[] {
    const [app] = this.harness.service.deployments.list();
    const found = app?.versions.find((each) => each.version === version);
    assert.ok(found);
    return found.functions;
  }

  /** As idle times would. */
  async scaleToZero(): Promise<void> {
    const { service } = this.harness;
    await Promise.all(
      service.containers().map(({ container }) => service.stopContainer(container)),
    );
  }

  private async succeeded(id: string): Promise<WatchedRun> {
    const run = this.harness.watch(id);
    const { status } = await run.ended;
    assert.equal(status, 'succeeded', JSON.stringify(run.events));
    return run;
  }
}

/** What the run's log says. */
export async function printedBy(run: WatchedRun): Promise<string> {
  return (await run.lines()).map(({ text }) => text).join('\n');
}

/** How the phase `image` ended. */
export function imagePhase(run: WatchedRun): string {
  const end = run.events.find(
    (event) =>
      event.type === 'phase' &&
      event.phase === 'image' &&
      event.status !== 'started' &&
      event.status !== 'progress',
  );
  assert.ok(end?.type === 'phase');
  return `${end.status} ${end.detail ?? ''}`.trim();
}
