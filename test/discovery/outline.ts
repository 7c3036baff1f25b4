/** Everything that discovery's facts say about a file, in the form that oracle.py compares. */
import { parser } from '@lezer/python';
import type { Facts, Part } from '../../src/discovery/facts';
import { FactsFolder } from '../../src/discovery/fold';
import { forGrammar } from '../../src/discovery/grammar';
import { importsOf } from '../../src/discovery/imports';
import { LineIndex } from '../../src/discovery/text';

export interface Outline {
  readonly definitions: readonly Record<string, unknown>[];
  readonly imports: readonly unknown[];
}

/** All functions and classes (nested ones too) and all import statements of a text. */
export function outline(text: string): Outline {
  const facts = new FactsFolder().fold(parser.parse(forGrammar(text)), text);
  return outlineOfFacts(facts, text);
}

export function outlineOfFacts(facts: Facts, text: string): Outline {
  const lines = new LineIndex(text);
  const definitions: Record<string, unknown>[] = [];
  collect({ at: 0, facts }, 0, '', lines, definitions);
  const statements = importStatements(facts, 0);
  const imports = importsOf(facts, lines)
    .filter((entry) => statements.has(entry.from))
    .map((entry) => [
      lines.lineAt(statementStart(text, entry.from)),
      entry.module,
      entry.level,
      entry.names,
      entry.lazy,
    ]);
  return { definitions, imports };
}

function collect(
  part: Part,
  base: number,
  prefix: string,
  lines: LineIndex,
  found: Record<string, unknown>[],
): void {
  const start = base + part.at;
  for (const item of part.facts.items) {
    if (item.kind === 'function' || item.kind === 'class') {
      const at = start + item.definition;
      found.push({
        qualname: prefix + item.name,
        function: item.kind === 'function',
        line: lines.lineAt(at),
        column: lines.columnAt(at),
        decoratorLine: lines.lineAt(start + item.start),
        endLine: lines.lineAt(start + item.end),
        decorators: item.decorators.length,
        parameters: item.parameters.map((parameter) => [
          parameter.name,
          parameter.annotation ?? null,
          parameter.default ?? null,
          parameter.kind,
        ]),
        returns: item.returns ?? null,
        isAsync: item.isAsync,
        isGenerator: item.kind === 'function' && item.body.facts.yields,
      });
      const inner = item.kind === 'function' ? '.<locals>.' : '.';
      collect(item.body, start, prefix + item.name + inner, lines, found);
    } else {
      for (const inner of innerParts(item)) collect(inner, start, prefix, lines, found);
    }
  }
}

function innerParts(item: Facts['items'][number]): Part[] {
  if (item.kind === 'group') return [item.part];
  if (item.kind === 'branch') return [...item.arms];
  if (item.kind !== 'try') return [];
  return [item.body, ...item.handlers, item.orElse, item.finalizer].flatMap((part) => part ?? []);
}

/** Offsets of the modules named by import statements, calls of `__import__` left out. */
function importStatements(facts: Facts, base: number): Set<number> {
  const found = new Set<number>();
  for (const item of facts.items) {
    if (item.kind === 'import' && item.form !== 'call') found.add(base + item.at);
    const parts =
      item.kind === 'function' || item.kind === 'class' ? [item.body] : innerParts(item);
    for (const part of parts) {
      for (const at of importStatements(part.facts, base + part.at)) found.add(at);
    }
  }
  return found;
}

/** Start of the logical line: an import's module may stand on a line after a backslash. */
function statementStart(text: string, offset: number): number {
  let start = offset;
  for (;;) {
    const lineStart = text.lastIndexOf('\n', start - 1) + 1;
    if (lineStart === 0 || !/\\\r?\n$/.test(text.slice(0, lineStart).slice(-3))) return start;
    start = lineStart - 1;
  }
}
