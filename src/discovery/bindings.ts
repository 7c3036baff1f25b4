/** What simple statements and expressions bind, return and import. */
import type { SyntaxNode, TreeCursor } from '@lezer/common';
import { annotationPath } from './definitions';
import { otherExpression, readExpression, readPath, source, splitByComma } from './expressions';
import type { Expression } from './expressions';
import type { FactsBuilder } from './facts';

/** Adds what a simple statement or an expression binds, returns or imports; not its children. */
export function readSimple(cursor: TreeCursor, text: string, out: FactsBuilder): void {
  switch (cursor.name) {
    case 'AssignStatement':
      return readAssignment(cursor.node, text, out);
    case 'NamedExpression':
      return bind(out, plainNames(cursor.node.firstChild, text), cursor.node.lastChild, text);
    case 'UpdateStatement':
    case 'DeleteStatement':
      return bindOther(out, namesBetween(cursor.node, 'del', 'UpdateOp', text));
    case 'WithStatement':
      return bindOther(out, withTargets(cursor.node, text));
    case 'CapturePattern':
      return bindOther(out, plainNames(cursor.node.firstChild, text));
    case 'ReturnStatement': {
      const value = cursor.node.firstChild?.nextSibling ?? null;
      if (value === null || value.nextSibling !== null) return;
      const expression = readExpression(value, text);
      if (expression.kind !== 'other') out.add({ kind: 'return', value: expression });
      return;
    }
    case 'ArgList':
      for (const [name, operator, value] of splitByComma(cursor.node)) {
        if (operator?.name === 'AssignOp' && source(operator, text) === ':=') {
          bind(out, plainNames(name ?? null, text), value ?? null, text);
        }
      }
      return;
    case 'CallExpression':
      return readImportCall(cursor.node, text, out);
  }
}

function bind(
  out: FactsBuilder,
  names: readonly string[],
  value: SyntaxNode | null,
  text: string,
  annotation: Expression = otherExpression,
): void {
  if (names.length === 0) return;
  out.add({ kind: 'bind', names, value: readExpression(value, text), annotation });
}

/** Binds names to something that discovery does not follow. */
export function bindOther(out: FactsBuilder, names: readonly string[]): void {
  if (names.length === 0) return;
  out.add({ kind: 'bind', names, value: otherExpression, annotation: otherExpression });
}

function readAssignment(node: SyntaxNode, text: string, out: FactsBuilder): void {
  const segments: SyntaxNode[][] = [[]];
  let annotation: SyntaxNode | null = null;
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (child.name === 'AssignOp') segments.push([]);
    else if (child.name === 'TypeDef') annotation = child.lastChild;
    else if (child.name !== 'Comment') segments.at(-1)?.push(child);
  }
  const value = segments.pop() ?? [];
  for (const target of segments) {
    const [only] = target;
    if (target.length === 1 && only?.name === 'VariableName') {
      const whole = value.length === 1 ? (value[0] ?? null) : null;
      bind(out, [source(only, text)], whole, text, annotationPath(annotation, text));
    } else
      bindOther(
        out,
        target.flatMap((part) => plainNames(part, text)),
      );
  }
}

/** Names that a target binds; attributes and subscripts bind none. */
function plainNames(node: SyntaxNode | null, text: string): string[] {
  if (node === null) return [];
  if (node.name === 'VariableName') return [source(node, text)];
  if (!/^(Tuple|Array|Parenthesized)Expression$/.test(node.name)) return [];
  const names: string[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    names.push(...plainNames(child, text));
  }
  return names;
}

/** Names bound by the children of a node from `start` (or the first) up to `stop`. */
export function namesBetween(
  node: SyntaxNode,
  start: string,
  stop: string,
  text: string,
): string[] {
  const names: string[] = [];
  for (let child = node.firstChild; child !== null && child.name !== stop;) {
    if (child.name !== start) names.push(...plainNames(child, text));
    child = child.nextSibling;
  }
  return names;
}

function withTargets(node: SyntaxNode, text: string): string[] {
  return node.getChildren('as').flatMap((keyword) => plainNames(keyword.nextSibling, text));
}

/** `__import__('a')` and `importlib.import_module('a')` with a literal name. */
function readImportCall(node: SyntaxNode, text: string, out: FactsBuilder): void {
  const callee = readPath(node.firstChild, text)?.at(-1);
  if (callee !== '__import__' && callee !== 'import_module') return;
  const argument = node.getChild('ArgList')?.firstChild?.nextSibling ?? null;
  const name = readExpression(argument, text);
  if (name.kind !== 'constant' || typeof name.value !== 'string' || argument === null) return;
  const level = /^\.*/.exec(name.value)?.[0].length ?? 0;
  const module = name.value.slice(level);
  if (!/^[\p{L}\w]+(\.[\p{L}\w]+)*$/u.test(module)) return;
  out.add({
    kind: 'import',
    form: 'call',
    at: argument.from - out.base,
    length: argument.to - argument.from,
    module,
    level,
    names: [],
    as: undefined,
  });
}
