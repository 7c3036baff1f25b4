/** What a call needs to be placed: its function, options, image and device, and the keys made of them. Pure. */
import type { Environment, VersionName } from '../protocol/deployments';
import type { AppDescription, FunctionDescription, GpuRequest } from '../protocol/description';
import { sha256Hex } from '../protocol/bundles';
import type { Gpu } from '../protocol/methods';
import type { RunError } from '../protocol/values';
import type { EngineImage } from '../engines/engine';
import { canonicalJson } from '../images/imagePlan';
import { gpuLabel } from '../gpu/names';
import { chooseCards, choicesLabel, containersFor } from './cards';

/** What a container's runner has loaded. */
export interface LoadSpec {
  /** Equal keys mean that nothing has to be loaded again. */
  key: string;
  bundle: string;
  file: string;
  /** Variables of function and secrets; never logged. */
  environment: Readonly<Record<string, string>>;
  /** Its runner waits for a debugger before it imports. */
  debug?: true;
}

export interface Target {
  app: string;
  /** The app, where it is deployed too: containers of one owner serve nothing else. */
  owner: string;
  /** Where what it is of is deployed; absent for a run from the editor. */
  environment?: Environment;
  /** The deployed version that it is of. */
  version?: VersionName;
  function: FunctionDescription;
  /** All apps of the file, for calls between functions. */
  apps: readonly AppDescription[];
  image: EngineImage;
  load: LoadSpec;
  /** Values of its secrets: nothing that a run shows may hold them. */
  hidden: readonly string[];
  device: 'cpu' | 'gpu';
  /** Cards asked for that this machine has, the first choice first: the first that is free is taken. Empty on CPU. */
  choices: readonly GpuRequest[];
  /** A GPU function that runs on CPU because that was allowed. */
  onCpuInstead: boolean;
  /** Functions that it calls may run on CPU where there is no GPU. */
  cpuAllowed: boolean;
  /** Containers with this key can take its calls, after a load where theirs differs. */
  poolKey: string;
  /** Containers with this key have its code loaded. */
  groupKey: string;
  /** Calls of one lane wait in one queue. */
  laneKey: string;
  /** Names the function, or the class of a method, in every version of its code. */
  functionKey: string;
  /** Containers that may work for this function at once. */
  maxContainers: number;
  /** Calls that one container works on at once. */
  concurrency: number;
}

export interface TargetInputs {
  bundle: string;
  file: string;
  app: string;
  function: FunctionDescription;
  apps: readonly AppDescription[];
  image: EngineImage;
  secrets: Readonly<Record<string, string>>;
  gpus: readonly Gpu[];
  gpuNote: string | null;
  cpuAllowed: boolean;
  cores: number;
  environment?: Environment;
  version?: VersionName;
}

export function makeTarget(inputs: TargetInputs): Target | { error: RunError } {
  const { options } = inputs.function;
  const device = chooseDevice(options.gpu, inputs.gpus, inputs.cpuAllowed, inputs.gpuNote);
  if ('error' in device) return device;
  const { choices } = device;
  const environment = { ...inputs.image.environment, ...options.env, ...inputs.secrets };
  const loadKey = `${inputs.bundle}|${inputs.file}|${sha256Hex(canonicalJson(environment)).slice(0, 16)}`;
  const gpus = choices.length === 0 ? 'cpu' : choicesLabel(choices);
  const owner = ownerOf(inputs.app, inputs.environment);
  const poolKey = `${owner}|${inputs.image.key}|${gpus}`;
  const groupKey = groupOf(poolKey, loadKey);
  return {
    app: inputs.app,
    owner,
    ...(inputs.environment === undefined ? {} : { environment: inputs.environment }),
    ...(inputs.version === undefined ? {} : { version: inputs.version }),
    function: inputs.function,
    apps: inputs.apps,
    image: inputs.image,
    load: { key: loadKey, bundle: inputs.bundle, file: inputs.file, environment },
    hidden: Object.values(inputs.secrets),
    device: choices.length === 0 ? 'cpu' : 'gpu',
    choices,
    onCpuInstead: choices.length === 0 && options.gpu.length > 0,
    cpuAllowed: inputs.cpuAllowed,
    poolKey,
    groupKey,
    laneKey: `${groupKey}|${inputs.function.qualname}`,
    functionKey: `${owner}|${inputs.file}|${nameOf(inputs.function)}`,
    maxContainers: options.maxContainers ?? defaultContainers(choices, inputs),
    concurrency: options.maxConcurrentInputs,
  };
}

/** Names an app as an environment serves it, or as it is run from editors. */
export function ownerOf(app: string, environment?: Environment): string {
  return environment === undefined ? app : `${app}@${environment}`;
}

/** The owner of containers with this pool key. */
export function ownerOfPool(poolKey: string): string {
  return poolKey.slice(0, poolKey.indexOf('|'));
}

/** Names containers of a pool that have this code loaded. */
export function groupOf(poolKey: string, loadKey: string): string {
  return `${poolKey}|${loadKey}`;
}

/** The same place, and no function: that the code was loaded is all that is asked. */
export function readinessOf(target: Target): Target {
  return {
    ...target,
    function: { ...target.function, qualname: '', generator: false },
    laneKey: `${target.groupKey}|`,
  };
}

/** Of a call that asks whether a version comes up, and calls no function. */
export function isReadiness({ function: { qualname } }: Target): boolean {
  return qualname === '';
}

/** Methods of a class share its containers. */
function nameOf({ kind, qualname }: FunctionDescription): string {
  return kind === 'method' ? qualname.slice(0, qualname.lastIndexOf('.')) : qualname;
}

/** Finds a function by name in what describe read; undefined where it is not. */
export function findFunction(
  apps: readonly AppDescription[],
  qualname: string,
  app?: string,
): { app: string; function: FunctionDescription } | undefined {
  for (const each of apps) {
    if (app !== undefined && each.name !== app) continue;
    const found = each.functions.find((candidate) => candidate.qualname === qualname);
    if (found !== undefined) return { app: each.name, function: found };
  }
  return undefined;
}

/** The choices that this machine has cards for, in order; none on CPU, which is taken only where that is allowed. */
export function chooseDevice(
  wanted: readonly GpuRequest[],
  gpus: readonly Gpu[],
  cpuAllowed: boolean,
  note: string | null,
): { choices: readonly GpuRequest[] } | { error: RunError } {
  const choices = wanted.filter((request) => chooseCards([request], gpus) !== undefined);
  if (choices.length > 0 || wanted.length === 0 || cpuAllowed) return { choices };
  const names = wanted.map((request) => gpuLabel(request.name, request.count));
  const has = gpus.map((gpu) => gpu.model ?? gpu.name);
  const why = has.length === 0 ? (note ?? 'It has no GPU.') : `It has ${has.join(', ')}.`;
  return {
    error: {
      kind: 'capacity',
      type: 'NoGpu',
      message: `This function asks for ${names.join(' or ')}, which this runtime does not have. ${why}`,
      traceback: [],
      hint: 'Run it on CPU (`--cpu`, or the setting velar.cpuFallback), or pair a runtime with such a GPU.',
      details: { wanted: names, has },
    },
  };
}

function defaultContainers(choices: readonly GpuRequest[], inputs: TargetInputs): number {
  return Math.max(1, choices.length === 0 ? inputs.cores : containersFor(choices, inputs.gpus));
}
