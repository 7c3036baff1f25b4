/** Valid Python that the grammar stumbles over, rewritten so that every position stays the same. */

/** A pattern's line up to its colon, as far as it holds no string or comment. */
const patternLine = /^[ \t]*case[ \t]+(?!=)[^:\n#'"]*/gm;

/**
 * The text as the grammar can read it: a byte order mark is blank, a backslash right before `\r\n`
 * continues the line, and patterns with empty brackets (`case Point():`, `case []:`) have none.
 */
export function forGrammar(text: string): string {
  let result = text;
  if (result.startsWith('\ufeff')) result = ` ${result.slice(1)}`;
  if (result.includes('\\\r\n')) result = result.replaceAll('\\\r\n', ' \\\n');
  if (result.includes('case ')) {
    result = result.replace(patternLine, (line) =>
      line.replace(/(?<=[\w])\(\)/g, '  ').replace(/\(\)|\[\]|\{\}/g, '__'),
    );
  }
  return result;
}

/** Whole lines that changed: `[fromA, toA)` of the text before, `[fromB, toB)` of the text after. */
export interface ChangedRange {
  fromA: number;
  toA: number;
  fromB: number;
  toB: number;
}

/** `forGrammar(after)`, given what it was for the text before and the lines that differ. */
export function editForGrammar(
  rewritten: string,
  before: string,
  after: string,
  ranges: readonly ChangedRange[],
): string {
  let isPlain = rewritten === before;
  let result = '';
  let position = 0;
  for (const { fromA, toA, fromB, toB } of ranges) {
    const lines = after.slice(fromB, toB);
    const readable = forGrammar(lines);
    isPlain &&= readable === lines;
    result += rewritten.slice(position, fromA) + readable;
    position = toA;
  }
  return isPlain ? after : result + rewritten.slice(position);
}
