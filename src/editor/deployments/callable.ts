/** What of a version can be called, in the terms that argument input speaks. Pure. */
import type { DeployedFunction, Version } from '../../../runtime/protocol/deployments';
import type { Parameter } from '../../discovery/model';

export interface Callable {
  readonly fn: DeployedFunction;
  /** What a call takes. */
  readonly call: readonly Parameter[];
  /** What a method's class takes; empty for a function. */
  readonly instance: readonly Parameter[];
}

/** Names of the functions that can be called, as the version has them. */
export function callableNames({ functions }: Version): string[] {
  return functions.map(({ qualname }) => qualname);
}

export function findCallable({ functions }: Version, qualname: string): Callable | undefined {
  const fn = functions.find((each) => each.qualname === qualname);
  if (fn === undefined) return undefined;
  const instance = parametersOf(fn.constructorParameters ?? []);
  return { fn, call: parametersOf(fn.parameters), instance };
}

function parametersOf(parameters: DeployedFunction['parameters']): Parameter[] {
  return parameters.map(({ name, annotation, default: value, kind }) => ({
    name,
    annotation: annotation ?? undefined,
    default: value ?? undefined,
    kind,
  }));
}
