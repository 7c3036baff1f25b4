/** From a bundle, file and name to what can be placed: describe, image, secrets, device; remembered. */
import type { Environment, ImagePin, VersionName } from '../protocol/deployments';
import type { FunctionOptions } from '../protocol/description';
import type { RunError } from '../protocol/values';
import type { VersionImages } from '../deployments/versionImages';
import type { Engine } from '../engines/engine';
import type { GpuInventory } from '../gpu/detect';
import { bundleFiles } from '../store/bundleFiles';
import type { Store } from '../store/store';
import type { DescribeServer, Described } from './describe';
import { infrastructureError } from './platformErrors';
import { readSecrets, withoutSecretValues } from './secrets';
import { findFunction, makeTarget, type Target } from './target';

const MAX_REMEMBERED = 500;

export interface TargetRequest {
  bundle: string;
  file: string;
  qualname: string;
  /** Any app of the file where it is not given. */
  app?: string;
  cpuAllowed: boolean;
  /** Of a deployment: its containers serve nothing else. */
  environment?: Environment;
  /** The version of the app that it is of: its images are those that were deployed. */
  version?: VersionName;
}

export type TargetResult = { target: Target } | { error: RunError };

interface Known {
  result: TargetResult;
  /** The revision of the secrets that it was made with; undefined for a function that names none. */
  secrets: number | undefined;
}

export interface TargetsOptions {
  store: Pick<Store, 'bundles' | 'blobs' | 'secrets' | 'volumes'>;
  describe: DescribeServer;
  engine: Engine;
  gpus: GpuInventory;
  cores: number;
  images: Pick<VersionImages, 'pin'>;
}

export class Targets {
  private readonly described = new Map<string, Promise<Described>>();
  private readonly known = new Map<string, Known>();

  constructor(private readonly options: TargetsOptions) {}

  /** At once where it was asked for before. Never rejects: what fails is an error of the run. */
  resolve(request: TargetRequest): TargetResult | Promise<TargetResult> {
    const { bundle, file, app = '', qualname, cpuAllowed, environment = '' } = request;
    const of = [environment, request.version?.version, this.pinOf(request)?.build];
    const key = [bundle, file, app, qualname, cpuAllowed, ...of].join('|');
    const known = isDeploy(request) ? undefined : this.known.get(key);
    const isFresh =
      known?.secrets === undefined || known.secrets === this.options.store.secrets.revision;
    return known !== undefined && isFresh ? known.result : this.find(request, key);
  }

  /** Apps of a file. Rejects with `not-found`, `bundle-incomplete`, `python-missing`. */
  async apps(bundle: string, file: string): Promise<Described> {
    const { store, describe } = this.options;
    const key = `${bundle}|${file}`;
    const known = this.described.get(key);
    if (known !== undefined) return known;
    store.bundles.requireWhole(bundle);
    const asked = describe.describe(bundle, store.bundles.manifest(bundle), file);
    remember(this.described, key, asked);
    const forget = (): void => {
      if (this.described.get(key) === asked) this.described.delete(key);
    };
    // What failed is asked again: the cause may lie outside of the bundle.
    asked.then((answer) => {
      if ('error' in answer) forget();
    }, forget);
    return asked;
  }

  /** The same for clients: without values of secrets. Rejects as `apps` does. */
  async shown(bundle: string, file: string): Promise<Described> {
    const described = await this.apps(bundle, file);
    return 'error' in described ? described : { apps: described.apps.map(withoutSecretValues) };
  }

  private async find(request: TargetRequest, key: string): Promise<TargetResult> {
    try {
      // Asked before they are read: where one changes meanwhile, all is made anew next time.
      const { revision } = this.options.store.secrets;
      const result = await this.make(request);
      if ('target' in result) {
        const named = hasNamedSecrets(result.target.function.options);
        remember(this.known, key, { result, secrets: named ? revision : undefined });
      }
      return result;
    } catch (error) {
      return { error: infrastructureError(error, 'Describe') };
    }
  }

  private async make(request: TargetRequest): Promise<TargetResult> {
    const { engine, gpus, cores, store } = this.options;
    const { bundle, file, qualname, cpuAllowed } = request;
    const described = await this.apps(bundle, file);
    if ('error' in described) return described;
    const found = findFunction(described.apps, qualname, request.app);
    if (found === undefined) return { error: noSuchFunction(request, described.apps) };
    const secrets = readSecrets(found.function.options.secrets, store.secrets, request.environment);
    if ('error' in secrets) return secrets;
    if (request.environment === 'staging') {
      // The deploy did that already, unless what staging serves was deployed before volumes were its own.
      const names = new Set(Object.values(found.function.options.volumes));
      await Promise.all([...names].map((name) => store.volumes.seed(name)));
    }
    const files = bundleFiles(this.options.store, bundle);
    const of = { environment: request.environment, pin: this.pinOf(request) };
    const image = await engine.planImage(found.function, files, of);
    const made = makeTarget({
      bundle,
      file,
      app: found.app,
      function: found.function,
      apps: described.apps,
      image,
      secrets: secrets.values,
      gpus: gpus.gpus,
      gpuNote: gpus.note,
      cpuAllowed,
      cores,
      ...(request.environment === undefined ? {} : { environment: request.environment }),
      ...(request.version === undefined ? {} : { version: request.version }),
    });
    return 'error' in made ? made : { target: made };
  }

  private pinOf({ app, version, qualname }: TargetRequest): ImagePin | undefined {
    // Its file may hold another app, which was not deployed with it.
    if (version === undefined || (app ?? version.app) !== version.app) return undefined;
    return this.options.images.pin(version, qualname);
  }
}

/** It makes a version of what there is now, whatever an earlier one of the same code stands on. */
function isDeploy({ environment, version }: TargetRequest): boolean {
  return environment !== undefined && version === undefined;
}

/** Forgets the oldest where there are too many. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.set(key, value);
  const oldest = map.keys().next();
  if (map.size > MAX_REMEMBERED && oldest.done !== true) map.delete(oldest.value);
}

function hasNamedSecrets(options: FunctionOptions): boolean {
  return options.secrets.some((secret) => secret.name !== undefined);
}

function noSuchFunction(
  { file, qualname, app }: TargetRequest,
  apps: readonly { name: string; functions: readonly { qualname: string }[] }[],
): RunError {
  const names = apps.flatMap((each) => each.functions.map((fn) => fn.qualname));
  const where = app === undefined ? file : `app ${app} of ${file}`;
  const has = names.length === 0 ? 'it declares none' : `it declares ${names.join(', ')}`;
  return {
    kind: 'user',
    type: 'FunctionNotFound',
    message: `There is no function ${qualname} in ${where}; ${has}.`,
    traceback: [],
    hint: 'Save the file, or run one of the functions that it declares.',
  };
}
