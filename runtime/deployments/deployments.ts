/** Versions and environments as clients and endpoints ask for them. */
import { randomBytes } from 'node:crypto';
import { sha256Hex } from '../protocol/bundles';
import type {
  DeployedApp,
  DeployedFunction,
  EndpointKey,
  Environment,
  Version,
  VersionDiff,
  VersionFile,
} from '../protocol/deployments';
import { VelarError } from '../protocol/errors';
import type { Gpu, MethodParams } from '../protocol/methods';
import type { CallArguments } from '../protocol/values';
import { hourlyUsd } from '../metering/cost';
import type { PriceTable } from '../metering/prices';
import type { Run, RunParams } from '../scheduling/run';
import type { DeploymentService, ServedFunction } from '../scheduling/service';
import type { Store } from '../store/store';
import { Deployer, type DeployerOptions } from './deployer';
import { roomNotes } from './moveRoom';
import { sharedSecretTexts } from './stagingApart';
import { diffVersions, type DiffSide } from './versionDiff';
import { versionFile } from './versionFiles';
import type { VersionImages } from './versionImages';
import { WaitLimit, type WaitLimitOptions } from './waitLimit';

export interface DeploymentsOptions
  extends
    Omit<DeployerOptions, 'deployments' | 'images' | 'volumes' | 'secrets'>,
    WaitLimitOptions {
  images: VersionImages;
  store: Pick<Store, 'deployments' | 'bundles' | 'blobs' | 'volumes' | 'secrets'>;
  prices: PriceTable;
  gpus: readonly Gpu[];
  start: (params: RunParams) => Promise<void>;
  find: (run: string) => Run | undefined;
}

export class Deployments implements DeploymentService {
  private readonly deployer: Deployer;
  private readonly waitLimit: WaitLimit;

  constructor(private readonly options: DeploymentsOptions) {
    const { deployments, volumes, secrets } = options.store;
    this.waitLimit = new WaitLimit(options);
    this.deployer = new Deployer({
      ...options,
      deployments,
      volumes,
      secrets: () => secrets.list(),
    });
  }

  /** Bundles of versions: each can be served again. */
  get bundles(): string[] {
    return this.list().flatMap(({ versions }) => versions.map(({ bundle }) => bundle));
  }

  create(params: MethodParams<'deployment.create'>, by: string): void {
    this.deployer.create(params, by);
    const { within, run, app, environment } = params;
    if (within === undefined || app === undefined) return;
    const at = this.options.clock.now();
    this.options.find(within)?.publish({ type: 'deploy', at, run, app, environment });
  }

  move(params: MethodParams<'deployment.move'>, by: string): void {
    this.deployer.move(params, by);
  }

  undeploy(params: MethodParams<'deployment.undeploy'>, by: string): void {
    this.deployer.undeploy(params, by);
  }

  keepServing(): void {
    this.deployer.keepServing();
  }

  list(): DeployedApp[] {
    return this.options.store.deployments.apps();
  }

  served(app: string, environment: Environment): Version {
    const { deployments } = this.options.store;
    const version = deployments.served(app, environment);
    if (version !== undefined) return version;
    // Says so itself where the app is not known at all.
    deployments.app(app);
    throw new VelarError('not-found', `${app} is not deployed to ${environment}.`, {
      hint:
        environment === 'staging'
          ? 'Deploy it with `velar deploy FILE`.'
          : `Promote a version of staging with \`velar promote ${app}\`.`,
    });
  }

  /** A function as an environment serves it. Throws `not-found`. */
  function(app: string, environment: Environment, qualname: string): ServedFunction {
    const version = this.served(app, environment);
    const found = version.functions.find((each) => each.qualname === qualname);
    if (found !== undefined) return { version, function: found };
    const names = version.functions.map((each) => each.qualname).join(', ');
    throw new VelarError('not-found', `${app} has no function ${qualname} in ${environment}.`, {
      hint: `It has ${names}.`,
    });
  }

  history(app: string, environment: Environment): number[] {
    const { deployments } = this.options.store;
    deployments.app(app);
    return deployments
      .history(app, environment)
      .map(({ version }) => version)
      .toReversed();
  }

  async diff(
    app: string,
    environment: Environment,
    number: number,
    from?: number,
  ): Promise<VersionDiff> {
    const { deployments, bundles, secrets } = this.options.store;
    const to = deployments.version(app, number);
    const side = (version: Version): DiffSide => ({
      version,
      files: bundles.known(version.bundle) ? bundles.manifest(version.bundle) : undefined,
    });
    const served =
      from === undefined ? deployments.served(app, environment) : deployments.version(app, from);
    const diff = diffVersions(served === undefined ? undefined : side(served), side(to), (fn) =>
      this.hourly(fn),
    );
    const names = to.functions.flatMap(({ options }) => options.secrets);
    // Two versions are compared, or one is about to be served.
    const move =
      from === undefined
        ? [
            ...(await this.options.images.lost(to)),
            ...roomNotes(environment, served, to, this.options.gpus),
          ]
        : [];
    return { ...diff, notes: [...move, ...sharedSecretTexts(names, secrets.list())] };
  }

  file(app: string, number: number, path: string): Promise<VersionFile> {
    const { deployments } = this.options.store;
    return versionFile(this.options.store, deployments.version(app, number).bundle, path);
  }

  protect(app: string, on: boolean): void {
    this.options.store.deployments.protect(app, on);
  }

  async call(
    run: string,
    environment: Environment,
    app: string,
    qualname: string,
    given: CallArguments,
    instance?: CallArguments,
  ): Promise<void> {
    const served = this.function(app, environment, qualname);
    await this.options.start(paramsOf(run, environment, served, given, instance));
  }

  async callEndpoint(
    run: string,
    environment: Environment,
    served: ServedFunction,
    given: CallArguments,
    instance?: CallArguments,
  ): Promise<void> {
    const params = paramsOf(run, environment, served, given, instance);
    await this.options.start({ ...params, endpointOf: served.version.app });
  }

  limitWait(id: string): () => void {
    const run = this.options.find(id);
    return run === undefined ? () => undefined : this.waitLimit.watch(run);
  }

  keys(): EndpointKey[] {
    return this.options.store.deployments.keys().map(({ sha256: _sha256, ...key }) => key);
  }

  createKey(environment: Environment, name: string): EndpointKey & { key: string } {
    const key = `vk-${environment}-${randomBytes(32).toString('base64url')}`;
    const made = {
      id: `key-${randomBytes(6).toString('hex')}`,
      environment,
      name,
      at: this.options.clock.now(),
    };
    this.options.store.deployments.addKey({ ...made, sha256: sha256Hex(key) });
    return { ...made, key };
  }

  removeKey(id: string): void {
    this.options.store.deployments.removeKey(id);
  }

  onChange(listener: () => void): () => void {
    return this.options.store.deployments.onChange(listener);
  }

  private hourly({ options: { gpu } }: DeployedFunction): number | undefined {
    const [first] = gpu;
    const use = { gpu: first?.name ?? null, count: first?.count ?? 0 };
    return hourlyUsd(use, this.options.prices);
  }
}

function paramsOf(
  run: string,
  environment: Environment,
  { version, function: { qualname, kind } }: ServedFunction,
  given: CallArguments,
  instance: CallArguments | undefined,
): RunParams {
  const { bundle, file, cpu } = version;
  return {
    run,
    bundle,
    file,
    qualname,
    kind,
    arguments: given,
    cpu,
    environment,
    version,
    ...(instance === undefined ? {} : { instance }),
  };
}
