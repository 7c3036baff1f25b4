/** Python annotations as far as they say what an argument must look like. Pure. */
import { readPythonLiteral, type LiteralShape } from './pythonLiteral';

/** A type as written: `list[int]` is the name `list` with one argument. */
export interface TypeExpression {
  readonly name: string;
  readonly arguments: readonly TypeExpression[];
  /** Source of the values of `Literal[…]`. */
  readonly choices: readonly string[];
}

const ANY: TypeExpression = { name: 'Any', arguments: [], choices: [] };

/** The alternatives of an annotation; `Any` where it can't be read. */
export function readAnnotation(annotation: string | null | undefined): readonly TypeExpression[] {
  if (annotation === null || annotation === undefined) return [ANY];
  const text = unquote(annotation.trim());
  return splitTop(text, '|').flatMap(readAlternative);
}

function readAlternative(source: string): readonly TypeExpression[] {
  const text = unquote(source.trim());
  const match = /^([A-Za-z_][\w.]*)\s*(?:\[([\s\S]*)\])?$/.exec(text);
  if (match === null) return [ANY];
  const name = match[1]?.split('.').at(-1) ?? 'Any';
  const inner = match[2] === undefined ? [] : splitTop(match[2], ',');
  switch (name) {
    case 'Optional':
      return [...inner.flatMap(readAnnotation), { ...ANY, name: 'None' }];
    case 'Union':
      return inner.flatMap(readAnnotation);
    case 'Annotated':
      return readAnnotation(inner[0]);
    case 'Literal':
      return [{ name, arguments: [], choices: inner }];
    default:
      return [
        {
          name: ALIASES[name] ?? name,
          // A union inside brackets is checked as Any: one alternative would refuse good values.
          arguments: inner.map((part) => {
            const alternatives = readAnnotation(part);
            return alternatives.length === 1 ? (alternatives[0] ?? ANY) : ANY;
          }),
          choices: [],
        },
      ];
  }
}

const ALIASES: Readonly<Record<string, string>> = {
  List: 'list',
  Sequence: 'list',
  MutableSequence: 'list',
  Iterable: 'list',
  Collection: 'list',
  Tuple: 'tuple',
  Dict: 'dict',
  Mapping: 'dict',
  MutableMapping: 'dict',
  Set: 'set',
  FrozenSet: 'set',
  frozenset: 'set',
  AbstractSet: 'set',
};

/** True when a value of this shape may be passed where the type stands. Unknown types accept anything. */
export function accepts(type: TypeExpression, shape: LiteralShape): boolean {
  switch (type.name) {
    case 'None':
      return shape.kind === 'none';
    case 'bool':
    case 'str':
    case 'bytes':
      return shape.kind === type.name;
    case 'int':
      return shape.kind === 'int' || shape.kind === 'bool';
    case 'float':
      return shape.kind === 'float' || shape.kind === 'int';
    case 'complex':
      return shape.kind === 'complex' || shape.kind === 'float' || shape.kind === 'int';
    case 'list':
    case 'set':
      // JSON has no tuples and sets, so a list stands in for any sequence.
      return isSequence(shape) && shape.items.every((item) => acceptsItem(type.arguments[0], item));
    case 'tuple':
      return isSequence(shape) && acceptsTuple(type.arguments, shape.items);
    case 'dict':
      return (
        shape.kind === 'dict' &&
        shape.keys.every((key) => acceptsItem(type.arguments[0], key)) &&
        shape.values.every((value) => acceptsItem(type.arguments[1], value))
      );
    default:
      return true;
  }
}

function isSequence(
  shape: LiteralShape,
): shape is Extract<LiteralShape, { items: readonly LiteralShape[] }> {
  return shape.kind === 'list' || shape.kind === 'tuple' || shape.kind === 'set';
}

function acceptsItem(type: TypeExpression | undefined, shape: LiteralShape): boolean {
  return type === undefined || accepts(type, shape);
}

function acceptsTuple(types: readonly TypeExpression[], items: readonly LiteralShape[]): boolean {
  // `tuple[int, ...]`: `...` is no name, so it reads as Any and stands for any length.
  if (types.length === 0 || (types.length === 2 && types[1] === ANY)) {
    return items.every((item) => acceptsItem(types[0], item));
  }
  return (
    items.length === types.length && items.every((item, index) => acceptsItem(types[index], item))
  );
}

/** A forward reference is an annotation in quotes. */
function unquote(text: string): string {
  const quoted = /^(["'])([^"'\\]*)\1$/.exec(text);
  return quoted !== null && readPythonLiteral(text)?.kind === 'str' ? (quoted[2] ?? text) : text;
}

/** Splits at a separator that stands outside brackets and quotes. */
function splitTop(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quote = '';
  let part = '';
  for (const character of text) {
    if (quote !== '') {
      if (character === quote) quote = '';
    } else if (character === '"' || character === "'") quote = character;
    else if ('([{'.includes(character)) depth += 1;
    else if (')]}'.includes(character)) depth -= 1;
    else if (character === separator && depth === 0) {
      parts.push(part.trim());
      part = '';
      continue;
    }
    part += character;
  }
  if (part.trim() !== '') parts.push(part.trim());
  return parts;
}
