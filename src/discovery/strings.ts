/** The value of Python string literals, from their source text. */

const simpleEscapes = new Map<string, string>([
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
  ['a', '\u0007'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
]);

const hexEscapeLengths = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
]);

/**
 * Value of one string literal, prefix and quotes included. Undefined where the text alone does not
 * say it: bytes, f-strings with holes, `\N{…}` names, unfinished literals.
 */
export function evaluateString(literal: string): string | undefined {
  const quoteAt = literal.search(/['"]/);
  if (quoteAt < 0) return undefined;
  const prefix = literal.slice(0, quoteAt).toLowerCase();
  if (prefix.includes('b') || prefix.includes('t')) return undefined;
  const quote = literal.charAt(quoteAt);
  const quotes = literal.startsWith(quote.repeat(3), quoteAt) ? 3 : 1;
  const ending = quote.repeat(quotes);
  if (literal.length < quoteAt + 2 * quotes || !literal.endsWith(ending)) return undefined;
  let body = literal.slice(quoteAt + quotes, literal.length - quotes).replace(/\r\n?/g, '\n');
  if (prefix.includes('f')) {
    const unescaped = body.replace(/\{\{|\}\}/g, '');
    if (/[{}]/.test(unescaped)) return undefined;
    body = body.replace(/\{\{/g, '{').replace(/\}\}/g, '}');
  }
  if (prefix.includes('r') || !body.includes('\\')) return body;
  return unescape(body);
}

function unescape(body: string): string | undefined {
  let value = '';
  let index = 0;
  while (index < body.length) {
    const backslash = body.indexOf('\\', index);
    if (backslash < 0) return value + body.slice(index);
    value += body.slice(index, backslash);
    const escape = body.charAt(backslash + 1);
    index = backslash + 2;
    const simple = simpleEscapes.get(escape);
    const hexLength = hexEscapeLengths.get(escape);
    if (simple !== undefined) {
      value += simple;
    } else if (escape === '\n') {
      continue;
    } else if (hexLength !== undefined) {
      const digits = body.slice(index, index + hexLength);
      const code = Number.parseInt(digits, 16);
      if (!/^[0-9a-fA-F]+$/.test(digits) || digits.length < hexLength || code > 0x10ffff) {
        return undefined;
      }
      value += String.fromCodePoint(code);
      index += hexLength;
    } else if (escape >= '0' && escape <= '7') {
      const digits = /^[0-7]{1,3}/.exec(body.slice(backslash + 1))?.[0] ?? '0';
      value += String.fromCodePoint(Number.parseInt(digits, 8));
      index = backslash + 1 + digits.length;
    } else if (escape === 'N') {
      return undefined;
    } else {
      value += `\\${escape}`;
    }
  }
  return value;
}

/** Value of a number literal; undefined for complex numbers and integers that a double can't hold. */
export function evaluateNumber(literal: string): number | undefined {
  const digits = literal.replaceAll('_', '');
  if (/[jJ]$/.test(digits) && !/^0[xX]/.test(digits)) return undefined;
  const value = Number(digits);
  if (!Number.isFinite(value)) return undefined;
  const isInteger = /^(0[xXoObB][0-9a-fA-F]+|[0-9]+)$/.test(digits);
  return isInteger && !Number.isSafeInteger(value) ? undefined : value;
}
