/** Finds the decorator of a function, and its options, as places in the text. Pure. */
import type { SyntaxNode, Tree } from '@lezer/common';
import { parser } from '@lezer/python';
import { readPath, source, splitByComma } from '../expressions';
import { forGrammar } from '../grammar';
import type { DiscoveredFunction } from '../model';

/** A function, and the text that it stands in. */
export interface FunctionText {
  readonly text: string;
  /** What discovery found in this text. */
  readonly functions: readonly DiscoveredFunction[];
  readonly qualname: string;
}

/** A decorator that is written out where it stands: `@app.function(…)`. */
export interface WrittenDecorator {
  readonly tree: Tree;
  /** End of the dotted name; where a list of arguments goes when there is none. */
  readonly nameEnd: number;
  /** Undefined without parentheses. */
  readonly list: SyntaxNode | undefined;
}

const MEMBERS = new Set(['function', 'endpoint', 'cls']);

/**
 * The decorator that holds a function's options: for a method, that of its class. Undefined where there is
 * none, several, one by another name, or one whose arguments the text does not say (`*` and `**`).
 */
export function decoratorOf({
  text,
  functions,
  qualname,
}: FunctionText): WrittenDecorator | undefined {
  const found = ownerOf(functions, qualname);
  if (found === undefined) return undefined;
  const tree = parser.parse(forGrammar(text));
  const definition = definitionAt(tree, found.offsets.definition);
  const decorators = (definition?.parent?.getChildren('Decorator') ?? []).filter((node) => {
    const path = node.getChildren('VariableName').map((part) => source(part, text));
    return path.length > 1 && MEMBERS.has(path.at(-1) ?? '');
  });
  const [decorator, another] = decorators;
  const name = decorator?.getChildren('VariableName').at(-1);
  if (decorator === undefined || another !== undefined || name === undefined) return undefined;
  const list = decorator.getChild('ArgList') ?? undefined;
  if (list !== undefined && (isBroken(list) || hasSplat(list))) return undefined;
  return { tree, nameEnd: name.to, list };
}

/** The value of a keyword argument; undefined where it is not given. */
export function keywordOf(
  list: SyntaxNode | undefined,
  name: string,
  text: string,
): SyntaxNode | undefined {
  if (list === undefined) return undefined;
  for (const [key, operator, value, more] of splitByComma(list)) {
    if (key?.name !== 'VariableName' || operator?.name !== 'AssignOp') continue;
    if (source(key, text) === name && more === undefined) return value;
  }
  return undefined;
}

/** True with `*items` or `**options` among the arguments. */
export function hasSplat(list: SyntaxNode): boolean {
  return list.getChild('*') !== null || list.getChild('**') !== null;
}

/** True where the text has a syntax error inside of the node. */
export function isBroken(node: SyntaxNode): boolean {
  let broken = false;
  node.cursor().iterate(({ type }) => {
    broken ||= type.isError;
    return !broken;
  });
  return broken;
}

/** True for a name of the SDK's own, such as `velar.gpu` or, from an import, `gpu`. */
export function endsWithPath(node: SyntaxNode | null, text: string, last: string): boolean {
  return readPath(node, text)?.at(-1) === last;
}

function ownerOf(
  functions: readonly DiscoveredFunction[],
  qualname: string,
): DiscoveredFunction | undefined {
  const same = functions.filter((each) => each.qualname === qualname);
  const [found] = same;
  if (found === undefined || same.length > 1) return undefined;
  if (found.kind === 'local_entrypoint') return undefined;
  if (found.kind !== 'method') return found;
  const owner = qualname.slice(0, qualname.lastIndexOf('.'));
  return functions.find((each) => each.kind === 'cls' && each.qualname === owner);
}

function definitionAt(tree: Tree, offset: number): SyntaxNode | undefined {
  let node: SyntaxNode | null = tree.resolveInner(offset, 1);
  while (node !== null && !/^(Function|Class)Definition$/.test(node.name)) node = node.parent;
  return node?.from === offset ? node : undefined;
}
