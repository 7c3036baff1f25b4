/** Evaluates names and paths among captured values: `config`, `self.layers[0]`, `batch["x"]`. Pure. */
import type { CapturedFrame, PostMortem } from '../../../../runtime/protocol/postMortem';

export type Evaluated =
  { readonly ok: true; readonly index: number } | { readonly ok: false; readonly reason: string };

const ONLY_PATHS =
  'Only names, attributes and items of captured values can be evaluated: the process that had them is gone.';

/** Follows a path from the variables of a frame. */
export function evaluate(frames: PostMortem, frame: CapturedFrame, expression: string): Evaluated {
  const steps = pathOf(expression.trim());
  const [first, ...rest] = steps ?? [];
  if (first === undefined) return { ok: false, reason: ONLY_PATHS };
  const start = frame.locals.find(([name]) => name === first);
  if (start === undefined) {
    return { ok: false, reason: `${first} was not captured in ${frame.function}.` };
  }
  let index = start[1];
  let path = first;
  for (const step of rest) {
    path += step.startsWith('[') ? step : `.${step}`;
    const child = frames.values[index]?.children?.find(([name]) => name === step);
    if (child === undefined) return { ok: false, reason: `${path} was not captured.` };
    index = child[1];
  }
  return { ok: true, index };
}

/** The names of an expression's path; items as `[0]` and `['key']`. Undefined for anything else. */
function pathOf(expression: string): string[] | undefined {
  const steps: string[] = [];
  const pattern = /(?:^|\.)([\p{L}_][\p{L}\p{N}_]*)|\[\s*(?:(\d+)|"([^"\\]*)"|'([^'\\]*)')\s*\]/uy;
  while (pattern.lastIndex < expression.length) {
    const at = pattern.lastIndex;
    const match = pattern.exec(expression);
    if (match === null || (at === 0) !== (match[1] !== undefined && !match[0].startsWith('.'))) {
      return undefined;
    }
    const [, name, number, double, single] = match;
    if (name !== undefined) steps.push(name);
    else if (number !== undefined) steps.push(`[${number}]`);
    else steps.push(itemName(double ?? single ?? ''));
  }
  return steps.length === 0 ? undefined : steps;
}

/** A key as the capture names it: as Python's own `repr` writes it. */
function itemName(key: string): string {
  return key.includes("'") ? `["${key}"]` : `['${key}']`;
}
