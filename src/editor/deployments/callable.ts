/** What of a version can be called, in the terms that argument input speaks. Pure. */
import type { DeployedFunction, Version } from '../../../runtime/protocol/deployments';
import type { Parameter } from '../../discovery/model';

/** A function of a version; `owner` is the class of a method, whose constructor has parameters too. */
export interface Callable {
  readonly fn: DeployedFunction;
  readonly owner: DeployedFunction | undefined;
}

/** Names of the functions that can be called, as the version has them. */
export function callableNames({ functions }: Version): string[] {
  return functions.filter(isCallable).map(({ qualname }) => qualname);
}

export function findCallable({ functions }: Version, qualname: string): Callable | undefined {
  const fn = functions.find((each) => each.qualname === qualname && isCallable(each));
  if (fn === undefined) return undefined;
  const className = fn.qualname.split('.').slice(0, -1).join('.');
  const owner =
    fn.kind === 'method'
      ? functions.find((each) => each.kind === 'cls' && each.qualname === className)
      : undefined;
  return { fn, owner };
}

export function parametersOf(fn: DeployedFunction | undefined): Parameter[] {
  return (fn?.parameters ?? []).map((parameter) => ({
    name: parameter.name,
    annotation: parameter.annotation ?? undefined,
    default: parameter.default ?? undefined,
    kind: parameter.kind,
  }));
}

function isCallable({ kind }: DeployedFunction): boolean {
  return kind === 'function' || kind === 'endpoint' || kind === 'method';
}
