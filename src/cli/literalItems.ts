/** Takes lists and dictionaries of JSON or Python apart into the source of their items. Pure. */

/** Source of each item between the outer brackets (one of `brackets`, such as `[]`), or undefined if there are none. */
export function splitItems(text: string, brackets: readonly string[]): string[] | undefined {
  const trimmed = text.trim();
  const pair = brackets.find(([open]) => open !== undefined && trimmed.startsWith(open));
  if (pair === undefined) return undefined;
  const end = endOfBracket(trimmed, 0);
  if (end !== trimmed.length || trimmed.at(-1) !== pair[1]) return undefined;
  const items = splitAt(trimmed.slice(1, -1), ',');
  // A comma after the last item is allowed.
  if (items.at(-1)?.trim() === '') items.pop();
  return items.map((item) => item.trim());
}

/** Key and value of `"name": value`, as source. */
export function splitPair(item: string): { key: string; value: string } | undefined {
  const [key, ...rest] = splitAt(item, ':');
  if (key === undefined || rest.length === 0) return undefined;
  return { key: key.trim(), value: rest.join(':').trim() };
}

/** Splits at a separator outside brackets and strings. */
function splitAt(text: string, separator: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let index = 0;
  while (index < text.length) {
    const character = text.charAt(index);
    if (character === separator) {
      parts.push(text.slice(start, index));
      index += 1;
      start = index;
    } else if ('"\''.includes(character)) index = endOfString(text, index);
    else if ('[({'.includes(character)) index = endOfBracket(text, index);
    else index += 1;
  }
  parts.push(text.slice(start));
  return parts;
}

/** Position after the bracket that closes the one at `start`; the text's length when none does. */
function endOfBracket(text: string, start: number): number {
  let depth = 0;
  let index = start;
  while (index < text.length) {
    const character = text.charAt(index);
    if ('"\''.includes(character)) {
      index = endOfString(text, index);
      continue;
    }
    if ('[({'.includes(character)) depth += 1;
    else if ('])}'.includes(character)) depth -= 1;
    index += 1;
    if (depth === 0) return index;
  }
  return text.length;
}

/** Position after the string that starts at `start`, triple-quoted ones included. */
function endOfString(text: string, start: number): number {
  const single = text.charAt(start);
  const quote = text.startsWith(single.repeat(3), start) ? single.repeat(3) : single;
  for (let index = start + quote.length; index < text.length; index += 1) {
    if (text.charAt(index) === '\\') index += 1;
    else if (text.startsWith(quote, index)) return index + quote.length;
  }
  return text.length;
}
