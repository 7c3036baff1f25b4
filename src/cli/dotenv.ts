/** Variables of a `.env` file. Pure. */
import { VelarError } from '../../runtime/protocol/errors';

/**
 * `NAME=VALUE` a line, with `export`, comments, blanks around, and quotes: in double ones `\n`, `\t`, `\"` and `\\`
 * count, in single ones nothing does; both may span lines. Throws `invalid` naming the line, never its value.
 */
export function parseDotenv(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  const source = text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
  const assignment =
    /[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*("(?:[^"\\]|\\[^])*"|'[^']*'|[^\n]*)[ \t]*(?:#[^\n]*)?(?:\n|$)/y;
  const nothing = /[ \t]*(?:#[^\n]*)?(?:\n|$)/y;
  for (let at = 0; at < source.length;) {
    nothing.lastIndex = at;
    assignment.lastIndex = at;
    const found = nothing.exec(source) ?? assignment.exec(source);
    if (found === null) throw badLine(source, at);
    const [whole, name, value = ''] = found;
    if (name !== undefined) values[name] = unquoted(value);
    at += whole.length;
  }
  return values;
}

function unquoted(value: string): string {
  if (value.startsWith("'") && value.endsWith("'") && value.length > 1) return value.slice(1, -1);
  if (value.startsWith('"') && value.endsWith('"') && value.length > 1) {
    const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r' };
    return value
      .slice(1, -1)
      .replace(/\\([^])/g, (all, character: string) =>
        '"\\$'.includes(character) ? character : (escapes[character] ?? all),
      );
  }
  return value.replace(/[ \t]+#.*$/, '').trim();
}

function badLine(source: string, at: number): VelarError {
  const line = source.slice(0, at).split('\n').length;
  return new VelarError('invalid', `Line ${String(line)} of the file is not NAME=VALUE.`, {
    hint: 'Correct it; a comment begins with #.',
  });
}
