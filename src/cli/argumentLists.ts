/** `--args` and `--kwargs`: JSON or Python literals to arguments, and whether a function takes them. Pure. */
import { VelarError } from '../../runtime/protocol/errors';
import type { ArgumentValue, CallArguments } from '../../runtime/protocol/values';
import { parseArgument } from '../client/arguments/parseArgument';
import type { Parameter } from '../discovery/model';
import { splitItems, splitPair } from './literalItems';

/**
 * Reads `[1, "a"]` or `(1, 'a')`, and `{"k": 1}` or `{'k': (1, 2)}`. Items may mix JSON and Python.
 * `names`: what the options are called, for messages. Throws `invalid`.
 */
export function parseCallArguments(
  args: string | undefined,
  kwargs: string | undefined,
  names: { args: string; kwargs: string },
): CallArguments {
  return {
    args: args === undefined ? [] : parseArgs(args, names.args),
    kwargs: kwargs === undefined ? {} : parseKwargs(kwargs, names.kwargs),
  };
}

function parseArgs(text: string, option: string): ArgumentValue[] {
  const items = splitItems(text, ['[]', '()']);
  if (items === undefined) {
    throw usage(
      `${option} takes a list, not ${shortened(text)}.`,
      `For example ${option} '[1, "a"]'.`,
    );
  }
  return items.map((item, index) => parseItem(item, `item ${String(index + 1)} of ${option}`));
}

function parseKwargs(text: string, option: string): Record<string, ArgumentValue> {
  const items = splitItems(text, ['{}']);
  const example = `For example ${option} '{"name": 1}'.`;
  if (items === undefined) {
    throw usage(`${option} takes an object, not ${shortened(text)}.`, example);
  }
  const kwargs: Record<string, ArgumentValue> = {};
  for (const item of items) {
    const pair = splitPair(item);
    const key = pair === undefined ? undefined : /^(["'])([^"'\\]+)\1$/.exec(pair.key)?.[2];
    if (pair === undefined || key === undefined) {
      throw usage(`${option} has ${shortened(item)} where "name": value belongs.`, example);
    }
    if (key in kwargs) throw usage(`${option} names ${key} twice.`, 'Leave one of them out.');
    kwargs[key] = parseItem(pair.value, `${key} in ${option}`);
  }
  return kwargs;
}

function parseItem(text: string, where: string): ArgumentValue {
  const parsed = parseArgument(text, undefined);
  if (parsed.ok) return parsed.value;
  throw usage(`${where} is ${shortened(text)}: ${parsed.problem}`, undefined);
}

/** Throws `invalid` when the function can't be called with these arguments, as Python would say it. */
export function checkArguments(
  qualname: string,
  parameters: readonly Parameter[],
  { args, kwargs }: CallArguments,
): void {
  const positional = parameters.filter(
    ({ kind }) => kind === 'positional_only' || kind === 'positional_or_keyword',
  );
  const takesMore = parameters.some(({ kind }) => kind === 'var_positional');
  const signature = `It is ${qualname}(${parameters.map(parameterText).join(', ')}).`;
  if (args.length > positional.length && !takesMore) {
    throw usage(
      `${qualname} takes ${count(positional.length, 'positional argument')}, ${String(args.length)} given.`,
      signature,
    );
  }
  const given = new Set(positional.slice(0, args.length).map(({ name }) => name));
  for (const name of Object.keys(kwargs)) {
    if (given.has(name)) throw usage(`${qualname} got ${name} twice.`, signature);
    const known = parameters.find((parameter) => parameter.name === name);
    const byName = known?.kind === 'positional_or_keyword' || known?.kind === 'keyword_only';
    if (!byName && !parameters.some(({ kind }) => kind === 'var_keyword')) {
      throw usage(`${qualname} has no argument ${JSON.stringify(name)}.`, signature);
    }
    if (byName) given.add(name);
  }
  const missing = parameters
    .filter((parameter) => isRequired(parameter) && !given.has(parameter.name))
    .map(({ name }) => name);
  if (missing.length > 0) {
    throw usage(
      `${qualname} needs ${missing.join(', ')}.`,
      `${signature} Give them with --args or --kwargs.`,
    );
  }
}

function isRequired({ kind, default: value }: Parameter): boolean {
  return kind !== 'var_positional' && kind !== 'var_keyword' && value === undefined;
}

function parameterText({ name, annotation, default: value, kind }: Parameter): string {
  const stars = kind === 'var_positional' ? '*' : kind === 'var_keyword' ? '**' : '';
  const type = annotation === undefined ? '' : `: ${annotation}`;
  return `${stars}${name}${type}${value === undefined ? '' : ` = ${value}`}`;
}

function count(number: number, noun: string): string {
  return `${number === 0 ? 'no' : String(number)} ${noun}${number === 1 ? '' : 's'}`;
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function usage(message: string, hint: string | undefined): VelarError {
  return new VelarError('invalid', message, { hint });
}
