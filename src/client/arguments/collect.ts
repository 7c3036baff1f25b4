/** From the texts a person gave for each parameter to the arguments of a call. Pure. */
import type { Parameter } from '../../discovery/model';
import type { ArgumentValue, CallArguments } from '../../../runtime/protocol/values';
import { parseArgument } from './parseArgument';
import { readPythonLiteral } from './pythonLiteral';

/** What was typed for each parameter, by name; a name that is absent takes the default. */
export type ArgumentTexts = Readonly<Record<string, string>>;

export type CollectedArguments =
  | { readonly ok: true; readonly arguments: CallArguments }
  | { readonly ok: false; readonly parameter: string; readonly problem: string };

/** True for a parameter whose argument must be given. */
export function isRequired(parameter: Parameter): boolean {
  return parameter.default === undefined && !isVariadic(parameter);
}

export function isVariadic(parameter: Parameter): boolean {
  return parameter.kind === 'var_positional' || parameter.kind === 'var_keyword';
}

/** The problem with what was typed for a parameter, or undefined when it will do. */
export function argumentProblem(parameter: Parameter, text: string): string | undefined {
  if (text.trim() === '') {
    const textual = parameter.annotation === undefined || parameter.annotation.includes('str');
    if (!isRequired(parameter)) return undefined;
    return textual ? 'Required. For an empty text, write ""' : 'Required.';
  }
  const parsed = parseArgument(text, annotationOf(parameter));
  return parsed.ok ? undefined : parsed.problem;
}

/** `*args` is typed as one list, `**kwargs` as one dictionary. */
function annotationOf(parameter: Parameter): string | undefined {
  if (parameter.kind === 'var_positional') return `list[${parameter.annotation ?? 'Any'}]`;
  if (parameter.kind === 'var_keyword') return `dict[str, ${parameter.annotation ?? 'Any'}]`;
  return parameter.annotation;
}

/**
 * Arguments by keyword where Python allows it, by position where it must be. A default before a
 * positional argument is passed as its own literal; one that is no literal is a problem to report.
 */
export function collectArguments(
  parameters: readonly Parameter[],
  texts: ArgumentTexts,
): CollectedArguments {
  const typed = new Map<string, ArgumentValue>();
  for (const parameter of parameters) {
    const text = texts[parameter.name] ?? '';
    const problem = argumentProblem(parameter, text);
    if (problem !== undefined) return { ok: false, parameter: parameter.name, problem };
    if (text.trim() === '') continue;
    const parsed = parseArgument(text, annotationOf(parameter));
    if (parsed.ok) typed.set(parameter.name, parsed.value);
  }
  const rest = parameters.find(({ kind }) => kind === 'var_positional');
  const spread = rest === undefined ? [] : spreadItems(typed.get(rest.name));
  if (spread === undefined) {
    return {
      ok: false,
      parameter: rest?.name ?? '',
      problem: 'Write the items as JSON: ["a", 1]',
    };
  }
  const positional = lastPositional(parameters, typed, spread.length > 0);
  const args: ArgumentValue[] = [];
  const kwargs: Record<string, ArgumentValue> = {};
  for (const [index, parameter] of parameters.entries()) {
    const value = typed.get(parameter.name);
    if (index <= positional) {
      const filled = value ?? defaultLiteral(parameter);
      if (filled === undefined) {
        const problem = `Needed because a later argument goes by position, and the default ${parameter.default ?? ''} is no literal.`;
        return { ok: false, parameter: parameter.name, problem };
      }
      args.push(filled);
    } else if (parameter.kind === 'var_keyword' && value !== undefined) {
      const entries = spreadEntries(value);
      if (entries === undefined) {
        return {
          ok: false,
          parameter: parameter.name,
          problem: 'Write the arguments as JSON: {"name": 1}',
        };
      }
      Object.assign(kwargs, entries);
    } else if (value !== undefined && !isVariadic(parameter)) {
      kwargs[parameter.name] = value;
    }
  }
  return { ok: true, arguments: { args: [...args, ...spread], kwargs } };
}

/** Index of the last parameter that must go by position; -1 where none must. */
function lastPositional(
  parameters: readonly Parameter[],
  typed: ReadonlyMap<string, ArgumentValue>,
  spread: boolean,
): number {
  if (spread) return parameters.findIndex(({ kind }) => kind === 'var_positional') - 1;
  return parameters.findLastIndex(
    ({ kind, name }) => kind === 'positional_only' && typed.has(name),
  );
}

function defaultLiteral(parameter: Parameter): ArgumentValue | undefined {
  if (parameter.default === undefined) return undefined;
  return readPythonLiteral(parameter.default) === undefined
    ? undefined
    : { literal: parameter.default };
}

function jsonOf(value: ArgumentValue): unknown {
  if ('json' in value) return value.json;
  try {
    return JSON.parse(value.literal) as unknown;
  } catch {
    // A Python literal that is no JSON can't be taken apart here.
    return undefined;
  }
}

function spreadItems(value: ArgumentValue | undefined): ArgumentValue[] | undefined {
  if (value === undefined) return [];
  const items = jsonOf(value);
  return Array.isArray(items) ? items.map(asArgument) : undefined;
}

function spreadEntries(value: ArgumentValue): Record<string, ArgumentValue> | undefined {
  const entries = jsonOf(value);
  if (typeof entries !== 'object' || entries === null || Array.isArray(entries)) return undefined;
  return Object.fromEntries(Object.entries(entries).map(([key, item]) => [key, asArgument(item)]));
}

function asArgument(item: unknown): ArgumentValue {
  return { json: item as Extract<ArgumentValue, { json: unknown }>['json'] };
}
