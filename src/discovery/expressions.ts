/** The few shapes of expression that matter to discovery, read from the syntax tree. */
import type { SyntaxNode } from '@lezer/common';
import { evaluateNumber, evaluateString } from './strings';

/** An expression as far as discovery understands it; `other` is everything else. */
export type Expression =
  | { readonly kind: 'constant'; readonly value: null | boolean | number | string }
  | { readonly kind: 'sequence'; readonly items: readonly Expression[] }
  | { readonly kind: 'dictionary'; readonly entries: readonly (readonly [string, Expression])[] }
  /** `a.b.c` */
  | { readonly kind: 'name'; readonly path: readonly string[] }
  | { readonly kind: 'call'; readonly callee: readonly string[]; readonly call: CallArguments }
  | { readonly kind: 'other' };

export interface CallArguments {
  /** Up to the first splat. */
  readonly positional: readonly Expression[];
  readonly keywords: readonly (readonly [string, Expression])[];
  /** True with `**mapping`. */
  readonly splat: boolean;
}

export const otherExpression: Expression = { kind: 'other' };
export const noArguments: CallArguments = { positional: [], keywords: [], splat: false };

const maximumDepth = 24;

/** Reads one expression node; nesting deeper than any real option is `other`. */
export function readExpression(
  node: SyntaxNode | null,
  text: string,
  depth = maximumDepth,
): Expression {
  if (node === null || depth === 0) return otherExpression;
  switch (node.name) {
    case 'None':
      return { kind: 'constant', value: null };
    case 'Boolean':
      return { kind: 'constant', value: source(node, text) === 'True' };
    case 'Number':
      return constant(evaluateNumber(source(node, text)));
    case 'String':
    case 'FormatString':
      return constant(evaluateString(source(node, text)));
    case 'ContinuedString':
      return readContinuedString(node, text);
    case 'UnaryExpression':
      return readUnary(node, text);
    case 'ParenthesizedExpression': {
      const inner = elements(node);
      return inner.length === 1
        ? readExpression(inner[0] ?? null, text, depth - 1)
        : otherExpression;
    }
    case 'ArrayExpression':
    case 'TupleExpression':
      return readSequence(node, text, depth);
    case 'DictionaryExpression':
      return readDictionary(node, text, depth);
    case 'VariableName':
    case 'MemberExpression': {
      const path = readPath(node, text);
      return path === undefined ? otherExpression : { kind: 'name', path };
    }
    case 'CallExpression': {
      const path = readPath(node.firstChild, text);
      const list = node.getChild('ArgList');
      if (path === undefined || list === null) return otherExpression;
      return { kind: 'call', callee: path, call: readArguments(list, text, depth - 1) };
    }
    default:
      return otherExpression;
  }
}

/** Reads an ArgList. */
export function readArguments(list: SyntaxNode, text: string, depth = maximumDepth): CallArguments {
  const positional: Expression[] = [];
  const keywords: (readonly [string, Expression])[] = [];
  let splat = false;
  let starred = false;
  for (const argument of splitByComma(list)) {
    const [first, second, third] = argument;
    if (first === undefined) continue;
    if (first.name === '**') splat = true;
    else if (first.name === '*') starred = true;
    else if (first.name === 'VariableName' && second?.name === 'AssignOp') {
      if (source(second, text) === '=') {
        keywords.push([source(first, text), readExpression(third ?? null, text, depth)]);
      } else if (!starred) positional.push(readExpression(third ?? null, text, depth));
    } else if (!starred) {
      positional.push(argument.length === 1 ? readExpression(first, text, depth) : otherExpression);
    }
  }
  return { positional, keywords, splat };
}

/** `a.b.c` as its parts; undefined for anything else. */
export function readPath(node: SyntaxNode | null, text: string): string[] | undefined {
  const path: string[] = [];
  let current = node;
  for (let depth = 0; depth < maximumDepth; depth++) {
    if (current?.name === 'VariableName') {
      path.unshift(source(current, text));
      return path;
    }
    const last = current?.lastChild;
    if (current?.name !== 'MemberExpression' || last?.name !== 'PropertyName') return undefined;
    path.unshift(source(last, text));
    current = current.firstChild;
  }
  return undefined;
}

/** Source text of a node. */
export function source(node: { from: number; to: number }, text: string): string {
  return text.slice(node.from, node.to);
}

/** Children of a bracketed node without brackets and comments, one list for each element. */
export function splitByComma(node: SyntaxNode): SyntaxNode[][] {
  const result: SyntaxNode[][] = [];
  let current: SyntaxNode[] = [];
  for (const child of elements(node, true)) {
    if (child.name === ',') {
      result.push(current);
      current = [];
    } else current.push(child);
  }
  if (current.length > 0) result.push(current);
  return result;
}

const brackets = new Set(['(', ')', '[', ']', '{', '}']);

function elements(node: SyntaxNode, commas = false): SyntaxNode[] {
  const result: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (brackets.has(child.name) || child.name === 'Comment') continue;
    if (child.name === ',' && !commas) continue;
    result.push(child);
  }
  return result;
}

function constant(value: number | string | undefined): Expression {
  return value === undefined ? otherExpression : { kind: 'constant', value };
}

function readContinuedString(node: SyntaxNode, text: string): Expression {
  let value = '';
  for (const part of elements(node)) {
    const piece = evaluateString(source(part, text));
    if (piece === undefined) return otherExpression;
    value += piece;
  }
  return { kind: 'constant', value };
}

function readUnary(node: SyntaxNode, text: string): Expression {
  const operand = node.lastChild;
  const operator = node.firstChild;
  if (operand?.name !== 'Number' || operator === null) return otherExpression;
  const value = evaluateNumber(source(operand, text));
  if (value === undefined) return otherExpression;
  const sign = source(operator, text);
  if (sign === '-') return { kind: 'constant', value: value === 0 ? 0 : -value };
  return sign === '+' ? { kind: 'constant', value } : otherExpression;
}

function readSequence(node: SyntaxNode, text: string, depth: number): Expression {
  const items: Expression[] = [];
  for (const element of splitByComma(node)) {
    const only = element[0];
    if (element.length !== 1 || only === undefined) return otherExpression;
    items.push(readExpression(only, text, depth - 1));
  }
  return { kind: 'sequence', items };
}

function readDictionary(node: SyntaxNode, text: string, depth: number): Expression {
  const entries: (readonly [string, Expression])[] = [];
  for (const element of splitByComma(node)) {
    const [key, colon, value] = element;
    if (key === undefined || colon?.name !== ':' || value === undefined) return otherExpression;
    const name = readExpression(key, text, depth - 1);
    if (name.kind !== 'constant' || typeof name.value !== 'string') return otherExpression;
    entries.push([name.value, readExpression(value, text, depth - 1)]);
  }
  return { kind: 'dictionary', entries };
}
