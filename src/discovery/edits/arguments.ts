/** Adds an argument to a call, in the way the call is written. Pure. */
import type { SyntaxNode } from '@lezer/common';
import { splitByComma } from '../expressions';
import type { TextChange } from '../text';

/** The changes that put `argument` last in the list, on a line of its own where the last one has one. */
export function appendArgument(list: SyntaxNode, text: string, argument: string): TextChange[] {
  const last = splitByComma(list).at(-1)?.at(-1);
  if (last === undefined) {
    return [{ from: list.from + 1, to: list.from + 1, insert: argument }];
  }
  const first = splitByComma(list).at(-1)?.[0] ?? last;
  const indent = indentBefore(first.from, text);
  const comma = last.nextSibling?.name === ',' ? last.nextSibling : undefined;
  if (indent === undefined || !text.slice(last.to, list.to).includes('\n')) {
    return [{ from: last.to, to: last.to, insert: `, ${argument}` }];
  }
  // Behind what the last line says beside its argument: a comment belongs to that one.
  const lineEnd = endOfLine(comma?.to ?? last.to, text);
  const own = {
    from: lineEnd,
    to: lineEnd,
    insert: `${newlineAt(lineEnd, text)}${indent}${argument},`,
  };
  return comma === undefined ? [{ from: last.to, to: last.to, insert: ',' }, own] : [own];
}

/** The blanks in front of an offset that begins its line; undefined where other text does. */
function indentBefore(offset: number, text: string): string | undefined {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  const before = text.slice(lineStart, offset);
  return /^[ \t]*$/.test(before) && lineStart > 0 ? before : undefined;
}

function endOfLine(offset: number, text: string): number {
  const end = text.indexOf('\n', offset);
  if (end < 0) return text.length;
  return text.charAt(end - 1) === '\r' ? end - 1 : end;
}

function newlineAt(lineEnd: number, text: string): string {
  return text.charAt(lineEnd) === '\r' ? '\r\n' : '\n';
}
