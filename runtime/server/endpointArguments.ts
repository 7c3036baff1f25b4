/** A request's JSON as arguments of a function. Pure. */
import type { DeployedFunction } from '../protocol/deployments';
import { VelarError } from '../protocol/errors';
import type { ArgumentValue, CallArguments } from '../protocol/values';

const POSITIONAL: readonly string[] = ['positional_only', 'positional_or_keyword'];
const NAMED: readonly string[] = ['positional_or_keyword', 'keyword_only'];

/**
 * An object gives arguments by name, a list by position; an object may hold arguments by position too, as the list
 * `$args`. A method's object may be made with arguments under `$instance`. Throws `invalid` with what does not fit.
 */
export function argumentsOf(
  body: unknown,
  {
    kind,
    parameters,
    constructorParameters,
  }: Pick<DeployedFunction, 'kind' | 'parameters' | 'constructorParameters'>,
): { args: CallArguments; instance: CallArguments | undefined } {
  if (Array.isArray(body)) {
    const args = body.map((json) => argument(json));
    check(parameters, args.length, []);
    if (kind === 'method') check(constructorParameters ?? [], 0, [], '`$instance` does');
    return { args: { args, kwargs: {} }, instance: kind === 'method' ? NOTHING : undefined };
  }
  if (body !== undefined && (typeof body !== 'object' || body === null)) {
    throw new VelarError('invalid', 'Arguments are a JSON object by name, or a list by position.');
  }
  const { $instance: made, $args: listed = [], ...given } = (body ?? {}) as Record<string, unknown>;
  if (made !== undefined && (kind !== 'method' || typeof made !== 'object' || made === null)) {
    throw new VelarError('invalid', '`$instance` holds the constructor’s arguments of a method.');
  }
  if (!Array.isArray(listed)) {
    throw new VelarError('invalid', '`$args` holds arguments by position, as a list.');
  }
  check(parameters, listed.length, Object.keys(given));
  if (kind === 'method' && constructorParameters !== undefined) {
    check(constructorParameters, 0, Object.keys(made ?? {}), '`$instance` does');
  }
  const args = listed.map((json) => argument(json));
  const instance = kind === 'method' ? named((made ?? {}) as Record<string, unknown>) : undefined;
  return { args: { ...named(given), args }, instance };
}

const NOTHING: CallArguments = { args: [], kwargs: {} };

function named(values: Record<string, unknown>): CallArguments {
  const kwargs = Object.entries(values).map(([name, json]) => [name, argument(json)] as const);
  return { args: [], kwargs: Object.fromEntries(kwargs) };
}

function argument(json: unknown): ArgumentValue {
  // It came out of JSON.parse.
  return { json: json as Extract<ArgumentValue, { json: unknown }>['json'] };
}

function check(
  parameters: DeployedFunction['parameters'],
  positions: number,
  names: readonly string[],
  whose = 'The arguments do',
): void {
  const problems: string[] = [];
  const positional = parameters.filter(({ kind }) => POSITIONAL.includes(kind));
  const open = (kind: string): boolean => parameters.some((each) => each.kind === kind);
  if (positions > positional.length && !open('var_positional')) {
    problems.push(`it takes ${positional.length} arguments by position, not ${positions}`);
  }
  const byPosition = new Set(positional.slice(0, positions).map(({ name }) => name));
  for (const name of names) if (byPosition.has(name)) problems.push(`${name} is given twice`);
  for (const { name, kind, default: value } of parameters) {
    const needed = value === null && !kind.startsWith('var_');
    if (needed && !byPosition.has(name) && !names.includes(name))
      problems.push(`${name} is missing`);
  }
  const known = parameters.filter(({ kind }) => NAMED.includes(kind)).map(({ name }) => name);
  for (const name of names) {
    if (!known.includes(name) && !open('var_keyword')) problems.push(`it has no parameter ${name}`);
  }
  if (problems.length === 0) return;
  throw new VelarError('invalid', `${whose} not fit: ${problems.join('; ')}.`, {
    details: { status: 422 },
  });
}
