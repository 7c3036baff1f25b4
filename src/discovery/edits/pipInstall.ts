/** Adds a package to the image of a function, where the text says plainly what that image is. Pure. */
import type { SyntaxNode, Tree } from '@lezer/common';
import type { Facts, ImportItem, Item } from '../facts';
import { FactsFolder } from '../fold';
import { readPath, source, splitByComma } from '../expressions';
import { evaluateString } from '../strings';
import type { TextChange } from '../text';
import { appendArgument } from './arguments';
import { decoratorOf, hasSplat, isBroken, keywordOf, type FunctionText } from './decorator';

/** A chain of calls on an image: `velar.Image.debian_slim().pip_install("torch")`. */
interface Chain {
  readonly end: number;
  /** From the first call to the last. */
  readonly calls: readonly ChainCall[];
}

interface ChainCall {
  readonly method: string;
  readonly list: SyntaxNode;
  /** What stands between the object and the dot: nothing, or a new line with its indentation. */
  readonly gap: string;
}

const BASES = new Set(['debian_slim', 'from_registry', 'from_dockerfile']);
const METHODS = new Set([
  'pip_install',
  'pip_install_from_requirements',
  'apt_install',
  'run_commands',
  'env',
  'workdir',
  'add_local_file',
  'add_local_dir',
]);
const MAX_LINKS = 8;

/**
 * The changes that add `name` (as pip knows it) to what the function's image installs. Undefined where
 * that can't be done safely: an image that another module, a condition or a function makes, options in
 * a splat, a package that is listed already.
 */
export function addPackage(of: FunctionText, name: string): TextChange[] | undefined {
  if (!/^[A-Za-z0-9][\w.-]*$/.test(name)) return undefined;
  const { text } = of;
  const decorator = decoratorOf(of);
  if (decorator === undefined) return undefined;
  const { tree, list, nameEnd } = decorator;
  const module = new ModuleText(text, tree);
  const quoted = `"${name}"`;
  const image = keywordOf(list, 'image', text);
  if (image === undefined) {
    const base = module.imageClass();
    if (base === undefined) return undefined;
    const option = `image=${base}.debian_slim().pip_install(${quoted})`;
    if (list === undefined) return [{ from: nameEnd, to: nameEnd, insert: `(${option})` }];
    return appendArgument(list, text, option);
  }
  const chains = module.chainsOf(image);
  const outermost = chains?.[0];
  if (chains === undefined || outermost === undefined) return undefined;
  const calls = chains.flatMap((chain) => chain.calls);
  if (calls.some((call) => lists(call, name, text))) return undefined;
  const existing = outermost.calls.findLast(takesAnother);
  if (existing !== undefined) return appendArgument(existing.list, text, quoted);
  const gap = outermost.calls.at(-1)?.gap ?? '';
  return [{ from: outermost.end, to: outermost.end, insert: `${gap}.pip_install(${quoted})` }];
}

class ModuleText {
  private readonly items: readonly Item[];

  constructor(
    private readonly text: string,
    private readonly tree: Tree,
  ) {
    this.items = topItems(new FactsFolder().fold(tree, text));
  }

  /** `velar.Image` as this module can say it. */
  imageClass(): string | undefined {
    const imports = this.items.filter((item): item is ImportItem => item.kind === 'import');
    for (const { form, module, level, names, as } of imports) {
      if (module !== 'velar' || level > 0) continue;
      const image = names.find(({ name }) => name === 'Image')?.as;
      if (form === 'from' && image !== undefined && this.bindings(image) === 1) return image;
      const own = as ?? 'velar';
      if (form === 'module' && this.bindings(own) === 1) return `${own}.Image`;
    }
    return undefined;
  }

  /** The chain of an expression, then those of the names that it starts from. Undefined: no plain chain. */
  chainsOf(expression: SyntaxNode): Chain[] | undefined {
    const chains: Chain[] = [];
    let node: SyntaxNode | undefined = unwrapped(expression);
    for (let links = 0; links < MAX_LINKS && node !== undefined; links += 1) {
      if (isBroken(node)) return undefined;
      const { calls, root } = readChain(node, this.text);
      const [first] = calls;
      if (node.name === 'CallExpression') chains.push({ end: node.to, calls });
      if (first !== undefined && BASES.has(first.method)) {
        const path = readPath(root, this.text);
        return path?.at(-1) === 'Image' && calls.slice(1).every(isLayer) ? chains : undefined;
      }
      if (root.name !== 'VariableName' || !calls.every(isLayer)) return undefined;
      node = this.valueOf(source(root, this.text));
    }
    return undefined;
  }

  /** What the module assigns to a name, once and for all. */
  private valueOf(name: string): SyntaxNode | undefined {
    if (this.bindings(name) !== 1) return undefined;
    if (new RegExp(`\\b(global|nonlocal)\\b[^\\n]*\\b${name}\\b`).test(this.text)) return undefined;
    for (let node = this.tree.topNode.firstChild; node !== null; node = node.nextSibling) {
      if (node.name !== 'AssignStatement' || node.getChildren('AssignOp').length !== 1) continue;
      const target = node.firstChild;
      const value = node.lastChild;
      if (target?.name !== 'VariableName' || source(target, this.text) !== name) continue;
      return value === null ? undefined : unwrapped(value);
    }
    return undefined;
  }

  /** How often the module binds a name; where a branch does, it counts twice: nobody knows which runs. */
  private bindings(name: string): number {
    return this.items.reduce((sum, item) => sum + bindingsIn(item, name), 0);
  }
}

function topItems(facts: Facts): Item[] {
  return facts.items.flatMap((item) =>
    item.kind === 'group' ? topItems(item.part.facts) : [item],
  );
}

function bindingsIn(item: Item, name: string): number {
  switch (item.kind) {
    case 'bind':
      return item.names.filter((each) => each === name).length;
    case 'function':
    case 'class':
      return item.name === name ? 1 : 0;
    case 'import':
      if (item.form === 'module') return (item.as ?? item.module.split('.', 1)[0]) === name ? 1 : 0;
      return item.names.filter(({ as }) => as === name || as === '*').length;
    case 'branch':
    case 'try': {
      const parts =
        item.kind === 'branch'
          ? item.arms
          : [item.body, ...item.handlers, item.orElse, item.finalizer].flatMap(
              (part) => part ?? [],
            );
      const inner = parts.flatMap(({ facts }) => topItems(facts));
      return inner.some((each) => bindingsIn(each, name) > 0) ? 2 : 0;
    }
    case 'group':
    case 'return':
      return 0;
  }
}

function readChain(node: SyntaxNode, text: string): { calls: ChainCall[]; root: SyntaxNode } {
  const calls: ChainCall[] = [];
  let current = node;
  while (current.name === 'CallExpression') {
    const member = current.firstChild;
    const list = current.getChild('ArgList');
    const object = member?.firstChild ?? null;
    const dot = object?.nextSibling ?? null;
    const method = member?.lastChild ?? null;
    if (member?.name !== 'MemberExpression' || method?.name !== 'PropertyName') break;
    if (list === null || object === null || dot?.name !== '.') break;
    const gap = text.slice(object.to, dot.from);
    calls.unshift({ method: source(method, text), list, gap: /^[\s\\]*$/.test(gap) ? gap : '' });
    current = unwrapped(object);
  }
  return { calls, root: current };
}

function unwrapped(node: SyntaxNode): SyntaxNode {
  let inner = node;
  while (inner.name === 'ParenthesizedExpression') {
    const only = inner.firstChild?.nextSibling ?? null;
    if (only === null || only.name === ')' || only.name === 'Comment') break;
    inner = only;
  }
  return inner;
}

function isLayer({ method }: ChainCall): boolean {
  return METHODS.has(method);
}

/** True for a pip_install that can have one package more. */
function takesAnother({ method, list }: ChainCall): boolean {
  return method === 'pip_install' && !hasSplat(list) && list.getChild('AssignOp') === null;
}

/** True when the call names the package already, in whatever version. */
function lists({ method, list }: ChainCall, name: string, text: string): boolean {
  if (method !== 'pip_install') return false;
  return splitByComma(list).some(([argument]) => {
    const value = argument?.name === 'String' ? evaluateString(source(argument, text)) : undefined;
    const named = /^\s*([A-Za-z0-9][\w.-]*)/.exec(value ?? '')?.[1];
    return named !== undefined && normalised(named) === normalised(name);
  });
}

function normalised(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, '-');
}
