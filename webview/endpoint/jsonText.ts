/** JSON laid out for reading. Pure. */

const STEP = '  ';

/** Lays out JSON without reading its values, so that each number and text stays as it came. */
export function indentJson(json: string): string {
  let out = '';
  let depth = 0;
  const line = (): string => `\n${STEP.repeat(depth)}`;
  for (const [piece] of json.matchAll(/"(?:[^"\\]|\\.)*"|[[{]\s*[\]}]|[^\s]/gs)) {
    if (/^[[{]\s*[\]}]$/.test(piece)) out += piece.replaceAll(/\s/g, '');
    else if (piece === '{' || piece === '[') {
      depth += 1;
      out += piece + line();
    } else if (piece === '}' || piece === ']') {
      depth -= 1;
      out += line() + piece;
    } else if (piece === ',') out += piece + line();
    else out += piece === ':' ? ': ' : piece;
  }
  return out;
}
