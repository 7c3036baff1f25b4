/** What code calls: a function of its own bundle, or one that an environment serves. */
import type { DeployedFunction, Environment, Version } from '../protocol/deployments';
import { VelarError } from '../protocol/errors';
import type { RunError } from '../protocol/values';
import type { Invoke } from './invocation';
import { infrastructureError } from './platformErrors';
import type { RunParams } from './run';
import type { Target } from './target';
import type { TargetResult, Targets } from './targets';

/** The code that calls, whatever run its calls belong to. */
export type CallingCode = Pick<RunParams, 'bundle' | 'file' | 'cpu' | 'environment' | 'version'>;

export type Resolved = { target: Target } | { error: RunError };

export interface CallTargetsOptions {
  targets: Pick<Targets, 'resolve'>;
  /** Why an app may run nothing more for now. */
  refusal: (app: string) => RunError | undefined;
  /** A function as an environment serves it. Throws `not-found`. */
  deployed: (
    app: string,
    environment: Environment,
    qualname: string,
  ) => { version: Version; function: DeployedFunction };
}

export class CallTargets {
  constructor(private readonly options: CallTargetsOptions) {}

  /** A function of the code itself; of any of its apps where none is named. */
  own(code: CallingCode, qualname: string, app?: string): TargetResult | Promise<TargetResult> {
    const { bundle, file, cpu, environment, version } = code;
    const resolved = this.options.targets.resolve({
      bundle,
      file,
      qualname,
      cpuAllowed: cpu,
      ...(app === undefined ? {} : { app }),
      ...(environment === undefined ? {} : { environment }),
      ...(version === undefined ? {} : { version }),
    });
    if (resolved instanceof Promise) return resolved.then((result) => this.allowed(result));
    return this.allowed(resolved);
  }

  /** What an invocation of the code is for. */
  called(code: CallingCode, invoke: Invoke): Resolved | Promise<Resolved> {
    const { function: qualname, mode, deployed } = invoke;
    if (deployed === undefined) return this.own(code, qualname, invoke.app);
    const { app } = deployed;
    const environment = deployed.environment ?? code.environment ?? 'staging';
    const name = `${app}.${qualname}`;
    if (code.environment === 'staging' && environment === 'production') {
      return { error: outOfStaging(name) };
    }
    try {
      const { version, function: found } = this.options.deployed(app, environment, qualname);
      const error = misuse(name, mode, found.generator);
      if (error !== undefined) return { error };
      const { bundle, file, cpu } = version;
      return this.own({ bundle, file, cpu, environment, version }, qualname, app);
    } catch (error) {
      return { error: notServed(error) };
    }
  }

  /** What an app that has used up its budget asks for is refused. */
  private allowed(result: TargetResult): TargetResult {
    const refusal = 'error' in result ? undefined : this.options.refusal(result.target.app);
    return refusal === undefined ? result : { error: refusal };
  }
}

/** The code that a container runs for a call. */
export function codeOf({ load, cpuAllowed, environment, version }: Target): CallingCode {
  const { bundle, file } = load;
  return {
    bundle,
    file,
    cpu: cpuAllowed,
    ...(environment === undefined ? {} : { environment }),
    ...(version === undefined ? {} : { version }),
  };
}

function outOfStaging(name: string): RunError {
  return {
    kind: 'user',
    type: 'Refused',
    message: `What is deployed to staging calls nothing in production, so ${name} was not called.`,
    traceback: [],
    hint: 'Leave `environment` out: then staging calls staging, and production calls production.',
  };
}

/** Callers don't know from the name alone whether a function yields. */
function misuse(name: string, mode: Invoke['mode'], generator: boolean): RunError | undefined {
  if (generator === (mode === 'gen')) return undefined;
  const message = generator
    ? `${name} is a generator; call it with .remote_gen(...).`
    : `${name} is no generator; call it with .remote(...).`;
  return { kind: 'user', type: 'TypeError', message, traceback: [] };
}

function notServed(error: unknown): RunError {
  const failure = infrastructureError(error, 'Deployments');
  const missing = error instanceof VelarError && error.code === 'not-found';
  return missing ? { ...failure, kind: 'user', type: 'NotFound' } : failure;
}
