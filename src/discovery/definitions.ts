/** Headers of functions and classes, and import statements, read from the syntax tree. */
import type { SyntaxNode } from '@lezer/common';
import { readArguments, readExpression, readPath, source } from './expressions';
import type { Expression } from './expressions';
import { otherExpression } from './expressions';
import type { DecoratorFact, ImportedName, ImportItem } from './facts';
import type { Parameter, ParameterKind } from './model';

export interface Header {
  readonly name: string;
  /** Absolute offset of the name, or of the definition where the name is not there yet. */
  readonly nameAt: number;
  readonly headerEnd: number;
  readonly end: number;
  readonly parameters: readonly Parameter[];
  readonly returns: string | undefined;
  readonly returnAnnotation: Expression;
  readonly isAsync: boolean;
}

/** Reads the header of a FunctionDefinition or ClassDefinition; undefined while it has no name. */
export function readHeader(node: SyntaxNode, text: string): Header | undefined {
  const name = node.getChild('VariableName');
  if (name === null) return undefined;
  const body = node.getChild('Body');
  const list = node.name === 'FunctionDefinition' ? node.getChild('ParamList') : null;
  const annotation = node.getChild('TypeDef')?.lastChild ?? null;
  return {
    name: source(name, text),
    nameAt: name.from,
    headerEnd: body === null ? endOf(node, text) : body.from,
    end: endOf(node, text),
    parameters: list === null ? [] : readParameters(list, text),
    returns: annotation === null ? undefined : source(annotation, text),
    returnAnnotation: annotationPath(annotation, text),
    isAsync: node.getChild('async') !== null,
  };
}

/** Reads a Decorator; undefined where it has no name. */
export function readDecorator(node: SyntaxNode, text: string): DecoratorFact | undefined {
  const path = node.getChildren('VariableName').map((part) => source(part, text));
  const list = node.getChild('ArgList');
  if (path.length === 0) return undefined;
  return { path, call: list === null ? undefined : readArguments(list, text) };
}

/** The dotted name of an annotation: `velar.App`, also in quotes, `Optional[...]` and `X | None`. */
export function annotationPath(node: SyntaxNode | null, text: string): Expression {
  if (node?.name === 'String') {
    const value = readExpression(node, text);
    const quoted = value.kind === 'constant' && typeof value.value === 'string' ? value.value : '';
    return /^[\w.]+$/.test(quoted) ? { kind: 'name', path: quoted.split('.') } : otherExpression;
  }
  if (node?.name === 'BinaryExpression') return annotationPath(node.firstChild, text);
  const path = readPath(node, text);
  return path === undefined ? otherExpression : { kind: 'name', path };
}

function readParameters(list: SyntaxNode, text: string): Parameter[] {
  const parameters: Parameter[] = [];
  let kind: ParameterKind = 'positional_or_keyword';
  let parts: SyntaxNode[] = [];
  let position = list.from;
  let slash = false;
  const finish = (): void => {
    const [first, second] = parts;
    if (slash) {
      for (const [index, parameter] of parameters.entries()) {
        parameters[index] = { ...parameter, kind: 'positional_only' };
      }
    } else if (first?.name === '*' && second?.name !== 'VariableName') {
      kind = 'keyword_only';
    } else {
      const parameter = readParameter(parts, kind, text);
      if (parameter !== undefined) parameters.push(parameter);
      if (first?.name === '*') kind = 'keyword_only';
    }
    parts = [];
    slash = false;
  };
  for (let child = list.firstChild; child !== null; child = child.nextSibling) {
    // The grammar has no node for `/`: it is what lies between two nodes.
    if (parts.length === 0 && text.slice(position, child.from).includes('/')) slash = true;
    position = child.to;
    if (child.name === ',' || child.name === ')') finish();
    else if (child.name !== '(' && child.name !== 'Comment') parts.push(child);
  }
  finish();
  return parameters;
}

function readParameter(
  parts: readonly SyntaxNode[],
  kind: ParameterKind,
  text: string,
): Parameter | undefined {
  const name = parts.find((part) => part.name === 'VariableName');
  if (name === undefined) return undefined;
  const annotation = parts.find((part) => part.name === 'TypeDef');
  const assign = parts.findIndex((part) => part.name === 'AssignOp');
  const value = assign < 0 ? undefined : parts[assign + 1];
  const star = parts[0]?.name;
  return {
    name: source(name, text),
    annotation: annotation && source(annotation, text).slice(1).trim(),
    default: value && text.slice(value.from, parts.at(-1)?.to).trim(),
    kind: star === '*' ? 'var_positional' : star === '**' ? 'var_keyword' : kind,
  };
}

/** End of the last real statement: the grammar's own end takes in the line break after it. */
function endOf(node: SyntaxNode, text: string): number {
  let last: SyntaxNode = node;
  while (last.name !== 'String' && last.name !== 'FormatString') {
    let child = last.lastChild;
    while (child !== null && (child.name === 'Comment' || child.from === child.to)) {
      child = child.prevSibling;
    }
    if (child === null) break;
    last = child;
  }
  let end = last.to;
  while (end > node.from && /\s/.test(text.charAt(end - 1))) end--;
  return end;
}

/** Reads an ImportStatement: one item for each module it names. */
export function readImports(node: SyntaxNode, text: string, base: number): ImportItem[] {
  return node.firstChild?.name === 'from'
    ? readFromImport(node, text, base)
    : readModuleImports(node, text, base);
}

function readFromImport(node: SyntaxNode, text: string, base: number): ImportItem[] {
  let level = 0;
  const module: SyntaxNode[] = [];
  const names: ImportedName[] = [];
  let aliased = false;
  let child = node.firstChild?.nextSibling ?? null;
  for (; child !== null && child.name !== 'import'; child = child.nextSibling) {
    if (child.name === 'VariableName') module.push(child);
    else if (module.length === 0 && /^\.+$/.test(source(child, text)))
      level += child.to - child.from;
  }
  for (; child !== null; child = child.nextSibling) {
    const name = source(child, text);
    if (child.name === '*') names.push({ name: '*', as: '*' });
    else if (child.name === 'as') aliased = true;
    else if (child.name === 'VariableName' && aliased) {
      const previous = names.pop();
      if (previous !== undefined) names.push({ name: previous.name, as: name });
      aliased = false;
    } else if (child.name === 'VariableName') names.push({ name, as: name });
  }
  const first = module[0];
  const last = module.at(-1);
  if (first === undefined && level === 0) return [];
  const from = first?.from ?? node.from;
  const to = last?.to ?? node.to;
  return [
    {
      kind: 'import',
      form: 'from',
      at: from - base,
      length: to - from,
      module: module.map((part) => source(part, text)).join('.'),
      level,
      names,
      as: undefined,
    },
  ];
}

function readModuleImports(node: SyntaxNode, text: string, base: number): ImportItem[] {
  const items: ImportItem[] = [];
  let path: SyntaxNode[] = [];
  let alias: string | undefined;
  let aliased = false;
  const flush = (): void => {
    const first = path[0];
    const last = path.at(-1);
    if (first !== undefined && last !== undefined) {
      items.push({
        kind: 'import',
        form: 'module',
        at: first.from - base,
        length: last.to - first.from,
        module: path.map((part) => source(part, text)).join('.'),
        level: 0,
        names: [],
        as: alias,
      });
    }
    path = [];
    alias = undefined;
    aliased = false;
  };
  for (let child = node.firstChild?.nextSibling ?? null; child; child = child.nextSibling) {
    if (child.name === ',') flush();
    else if (child.name === 'as') aliased = true;
    else if (child.name === 'VariableName' && aliased) alias = source(child, text);
    else if (child.name === 'VariableName') path.push(child);
  }
  flush();
  return items;
}
