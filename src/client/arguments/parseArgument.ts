/** One typed argument: text to a value that can be sent, or a sentence about what is wrong. Pure. */
import type { ArgumentValue } from '../../../runtime/protocol/values';
import { accepts, readAnnotation, type TypeExpression } from './annotation';
import { readPythonLiteral, type LiteralShape } from './pythonLiteral';

export type ParsedArgument =
  | { readonly ok: true; readonly value: ArgumentValue }
  | { readonly ok: false; readonly problem: string };

/**
 * Reads what a person typed for a parameter with this annotation: JSON, a Python literal, or plain
 * text where the annotation is `str`. Text that is not in quotes stays as typed, spaces included.
 */
export function parseArgument(text: string, annotation: string | null | undefined): ParsedArgument {
  const types = readAnnotation(annotation);
  const read = readValue(text);
  if (read !== undefined && fits(types, read.shape, text)) return { ok: true, value: read.value };
  const allowsText = types.some((type) => isTextual(type) || hasTextChoice(type, text));
  if (allowsText && read?.shape.kind !== 'str') return { ok: true, value: { json: text } };
  if (read === undefined && isUnknown(types)) {
    return {
      ok: false,
      problem: `Neither JSON nor a Python literal. For text, use quotes: ${JSON.stringify(text)}`,
    };
  }
  return { ok: false, problem: `Expected ${annotation ?? 'a value'}: ${example(types)}` };
}

/** What to type for a parameter with this annotation, such as `a whole number such as 3`. */
export function exampleOf(annotation: string | null | undefined): string {
  return example(readAnnotation(annotation));
}

/** Values to choose from, as source text, where the annotation is a `Literal` or `bool`; else empty. */
export function choicesOf(annotation: string | null | undefined): readonly string[] {
  const types = readAnnotation(annotation);
  if (!types.every((type) => ['Literal', 'bool', 'None'].includes(type.name))) return [];
  return types.flatMap((type) => {
    if (type.name === 'bool') return ['True', 'False'];
    return type.name === 'None' ? ['None'] : type.choices;
  });
}

function readValue(text: string): { value: ArgumentValue; shape: LiteralShape } | undefined {
  const literal = readPythonLiteral(text);
  const json = readJson(text);
  // Numbers in JSON lose `1.0` and large integers on their way; as a Python literal they keep both.
  if (json !== undefined && (literal === undefined || !mentionsNumber(literal))) {
    return { value: { json: json.value }, shape: shapeOf(json.value) };
  }
  return literal === undefined ? undefined : { value: { literal: text.trim() }, shape: literal };
}

type Json = Extract<ArgumentValue, { json: unknown }>['json'];

function readJson(text: string): { value: Json } | undefined {
  try {
    return { value: JSON.parse(text) as Json };
  } catch {
    // Not JSON is an answer here, not a failure.
    return undefined;
  }
}

function mentionsNumber(shape: LiteralShape): boolean {
  switch (shape.kind) {
    case 'int':
    case 'float':
    case 'complex':
      return true;
    case 'list':
    case 'tuple':
    case 'set':
      return shape.items.some(mentionsNumber);
    case 'dict':
      return [...shape.keys, ...shape.values].some(mentionsNumber);
    default:
      return false;
  }
}

function shapeOf(value: Json): LiteralShape {
  if (value === null) return { kind: 'none' };
  if (typeof value === 'boolean') return { kind: 'bool' };
  if (typeof value === 'number') return { kind: Number.isInteger(value) ? 'int' : 'float' };
  if (typeof value === 'string') return { kind: 'str' };
  if (Array.isArray(value)) return { kind: 'list', items: value.map(shapeOf) };
  return {
    kind: 'dict',
    keys: Object.keys(value).map((): LiteralShape => ({ kind: 'str' })),
    values: Object.values(value).map(shapeOf),
  };
}

function fits(types: readonly TypeExpression[], shape: LiteralShape, text: string): boolean {
  return types.some((type) =>
    type.name === 'Literal' ? hasChoice(type, text) : accepts(type, shape),
  );
}

function hasChoice(type: TypeExpression, text: string): boolean {
  const typed = comparable(text);
  return type.choices.some((choice) => comparable(choice) === typed);
}

/** A choice that is text may be typed without its quotes. */
function hasTextChoice(type: TypeExpression, text: string): boolean {
  return type.name === 'Literal' && type.choices.some((choice) => stringBody(choice) === text);
}

function comparable(text: string): string {
  return stringBody(text.trim()) ?? text.trim();
}

function stringBody(source: string): string | undefined {
  return /^(["'])(.*)\1$/.exec(source)?.[2];
}

function isTextual(type: TypeExpression): boolean {
  return type.name === 'str' || type.name === 'Path' || type.name === 'PathLike';
}

const KNOWN = new Set([
  ...['None', 'bool', 'str', 'bytes', 'int', 'float', 'complex'],
  ...['list', 'set', 'tuple', 'dict', 'Literal'],
]);

function isUnknown(types: readonly TypeExpression[]): boolean {
  return types.some((type) => !KNOWN.has(type.name));
}

const EXAMPLES: Readonly<Record<string, string>> = {
  None: 'None',
  bool: 'True or False',
  str: 'text',
  Any: 'JSON or a Python literal',
  bytes: 'b"bytes"',
  int: 'a whole number such as 3',
  float: 'a number such as 0.5',
  complex: 'a number such as 1+2j',
  list: 'such as [1, 2]',
  set: 'such as [1, 2]',
  tuple: 'such as (1, 2)',
  dict: 'such as {"key": 1}',
};

function example(types: readonly TypeExpression[]): string {
  const parts = types.flatMap((type) =>
    type.name === 'Literal' ? type.choices : [EXAMPLES[type.name] ?? 'a JSON or Python value'],
  );
  return [...new Set(parts)].join(', or ');
}
