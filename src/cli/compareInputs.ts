/** Inputs of a comparison as the command line takes them: repeated options, or a file with one a line. Pure. */
import { VelarError } from '../../runtime/protocol/errors';
import type { ArgumentValue, CallArguments } from '../../runtime/protocol/values';
import type { GivenCall } from '../client/compare/comparer';
import { parseCallArguments } from './argumentLists';

export interface GivenInput {
  /** As it was written, shortened. */
  label: string;
  call: GivenCall;
}

const OPTIONS = { args: '--args', kwargs: '--kwargs' };
const INSTANCE = { args: '--instance-args', kwargs: '--instance-kwargs' };
const MAX_LABEL = 80;

/** The first `--args` belongs to the first `--kwargs`, and so on; none of either is one call without arguments. */
export function inputsOfOptions(
  args: readonly string[],
  kwargs: readonly string[],
  instance: { args?: string; kwargs?: string },
): GivenInput[] {
  const made =
    instance.args === undefined && instance.kwargs === undefined
      ? {}
      : { instance: parseCallArguments(instance.args, instance.kwargs, INSTANCE) };
  const count = Math.max(args.length, kwargs.length, 1);
  return Array.from({ length: count }, (_, index) => {
    const [list, named] = [args[index], kwargs[index]];
    return {
      label: labelOf([list, named].filter((text) => text !== undefined).join(' ')),
      call: { arguments: parseCallArguments(list, named, OPTIONS), ...made },
    };
  });
}

/**
 * Each line is JSON: a list of arguments by position, or an object of arguments by name; an object with nothing but
 * `args`, `kwargs` and `instance` has both, and what a method's object is made with. Throws `invalid`.
 */
export function inputsOfLines(text: string): GivenInput[] {
  const inputs = text.split(/\r?\n/).flatMap((line, index): GivenInput[] => {
    if (line.trim() === '') return [];
    return [{ label: labelOf(line), call: inputOf(line, index + 1) }];
  });
  if (inputs.length > 0) return inputs;
  throw new VelarError('invalid', 'The file of inputs is empty.', {
    hint: 'Write one JSON list or object a line.',
  });
}

function inputOf(line: string, number: number): GivenCall {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    value = undefined;
  }
  if (Array.isArray(value)) return { arguments: { args: value.map(argument), kwargs: {} } };
  if (!isRecord(value)) {
    throw new VelarError(
      'invalid',
      `Line ${String(number)} of the inputs is no JSON list or object.`,
      {
        hint: 'For example ["lamp", 3] or {"item": "lamp", "times": 3}.',
      },
    );
  }
  const keys = Object.keys(value);
  const whole =
    keys.length > 0 && keys.every((key) => ['args', 'kwargs', 'instance'].includes(key));
  if (!whole) return { arguments: { args: [], kwargs: byName(value) } };
  const { args, kwargs, instance } = value;
  return {
    arguments: {
      args: Array.isArray(args) ? args.map(argument) : [],
      kwargs: isRecord(kwargs) ? byName(kwargs) : {},
    },
    ...(isRecord(instance) ? { instance: { args: [], kwargs: byName(instance) } } : {}),
  };
}

function argument(json: unknown): ArgumentValue {
  return { json } as ArgumentValue;
}

function byName(value: Record<string, unknown>): CallArguments['kwargs'] {
  return Object.fromEntries(Object.entries(value).map(([name, json]) => [name, argument(json)]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function labelOf(text: string): string {
  const plain = text.trim().replaceAll(/\s+/g, ' ');
  return plain.length <= MAX_LABEL ? plain : `${plain.slice(0, MAX_LABEL - 1)}…`;
}
