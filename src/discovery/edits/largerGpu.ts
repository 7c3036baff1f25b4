/** Asks for the next larger GPU in a function's decorator, where the text names one plainly. Pure. */
import type { SyntaxNode } from '@lezer/common';
import { source } from '../expressions';
import { evaluateString } from '../strings';
import type { TextChange } from '../text';
import { decoratorOf, endsWithPath, isBroken, keywordOf, type FunctionText } from './decorator';

/** GPUs by their memory, smallest first; of those with as much, the one to move up to. GB as in the price list. */
const STEPS: readonly { readonly memoryGB: number; readonly model: string }[] = [
  { memoryGB: 16, model: 'T4' },
  { memoryGB: 24, model: 'L4' },
  { memoryGB: 48, model: 'L40S' },
  { memoryGB: 80, model: 'A100' },
  { memoryGB: 141, model: 'H200' },
];

const MEMORY_GB = new Map([
  ['t4', 16],
  ['l4', 24],
  ['a10', 24],
  ['rtx3090', 24],
  ['rtx4090', 24],
  ['rtx5090', 32],
  ['l40', 48],
  ['l40s', 48],
  ['rtxa6000', 48],
  ['rtx6000ada', 48],
  ['a100', 80],
  ['h100', 80],
  ['h100sxm', 80],
  ['h200', 141],
]);

export interface LargerGpu {
  readonly from: string;
  readonly to: string;
  readonly changes: readonly TextChange[];
}

/** The next larger model; undefined for the largest and for one that is not known. */
export function nextLarger(model: string): string | undefined {
  const has = MEMORY_GB.get(model.toLowerCase().replaceAll(/[\s_-]+/g, ''));
  if (has === undefined) return undefined;
  return STEPS.find(({ memoryGB }) => memoryGB > has)?.model;
}

/** Undefined where the decorator's `gpu` is neither a string nor a name of `velar.gpu`, or is the largest. */
export function largerGpu(of: FunctionText): LargerGpu | undefined {
  const { text } = of;
  const decorator = decoratorOf(of);
  const value = keywordOf(decorator?.list, 'gpu', text);
  if (value === undefined || isBroken(value)) return undefined;
  return value.name === 'String' ? inString(value, text) : inAttribute(value, text);
}

function inString(node: SyntaxNode, text: string): LargerGpu | undefined {
  const literal = source(node, text);
  const wanted = /^(["'])([^"'\\:]+)(:\d+)?\1$/.exec(literal);
  const model = wanted?.[2];
  if (model === undefined || evaluateString(literal) === undefined) return undefined;
  const to = nextLarger(model);
  if (to === undefined) return undefined;
  const from = node.from + 1;
  return { from: model, to, changes: [{ from, to: from + model.length, insert: to }] };
}

/** `velar.gpu.L4` and `velar.gpu.L4(count=2)`. */
function inAttribute(node: SyntaxNode, text: string): LargerGpu | undefined {
  const member = node.name === 'CallExpression' ? node.firstChild : node;
  const name = member?.lastChild;
  if (member?.name !== 'MemberExpression' || name?.name !== 'PropertyName') return undefined;
  if (!endsWithPath(member.firstChild, text, 'gpu')) return undefined;
  const model = source(name, text);
  const to = nextLarger(model);
  if (to === undefined) return undefined;
  return { from: model, to, changes: [{ from: name.from, to: name.to, insert: to }] };
}
